// Divides files into ranges for several connections. Knows neither network nor disk.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace rerank {

// Bytes [begin, end) of a file, a sequence of whole blocks.
struct FileRange {
  std::size_t file = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  // False: the whole file is requested, and what comes before `begin` is dropped.
  bool by_range = true;
};

// Not safe from several threads at once.
class RangePlan {
 public:
  RangePlan(std::uint64_t block_bytes, std::size_t num_connections);

  // `is_done`: [num_blocks], true where a block is already there.
  void add_file(std::uint64_t size_bytes, const std::vector<bool>& is_done);

  // The next range, claimed for the caller; empty if everything is done or claimed. Ranges get shorter
  // towards the end, so that all connections finish at about the same time.
  std::optional<FileRange> next();
  // A block is complete. Returns whether it was the last one of its file.
  bool complete(std::size_t file, std::size_t block);
  // The caller is done with this range; blocks that are not complete may be claimed again.
  void give_back(const FileRange& range);
  // The server ignores ranges for this file: from now on it is one range, for one connection.
  void ignore_ranges(std::size_t file);

  bool is_done(std::size_t file, std::size_t block) const {
    return files_[file].blocks[block] == State::kDone;
  }
  bool is_complete(std::size_t file) const { return files_[file].num_left == 0; }

 private:
  enum class State : std::uint8_t { kMissing, kClaimed, kDone };
  struct File {
    std::uint64_t size_bytes = 0;
    bool whole_only = false;
    std::size_t num_left = 0;  // blocks that are not done
    std::vector<State> blocks;
  };

  std::optional<FileRange> whole_range(std::size_t index);
  std::optional<FileRange> partial_range(std::size_t index);
  FileRange claim(std::size_t index, std::size_t first, std::size_t last);

  std::uint64_t block_bytes_;
  std::size_t num_connections_;
  std::vector<File> files_;
};

}  // namespace rerank
