// Which bytes of which file are asked for next, when several connections share the work. Knows no network and
// no disk.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace rerank {

// Bytes [begin, end) of a file, whole blocks of it.
struct Run {
  std::size_t file = 0;
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  bool by_range =
      true;  // else the server is asked for the whole file, and what comes before `begin` is dropped
};

// For one thread at a time.
class RangePlan {
 public:
  RangePlan(std::uint64_t block_bytes, std::size_t num_connections);

  // `stands`: [num_blocks], true where a block needs no fetching.
  void add_file(std::uint64_t size_bytes, const std::vector<bool>& stands);

  // The next run, claimed for the caller; nothing when all is done or claimed by others. Runs are long at
  // first and short towards the end, so that all connections end at about the same time.
  std::optional<Run> next();
  // A block of a run is there; returns whether it was the last one of its file.
  bool complete(std::size_t file, std::size_t block);
  // The caller fetches no more of this run: what is not complete is for others.
  void give_back(const Run& run);
  // The server sends this file only as a whole: from now on it is one run, for one connection at a time.
  void ignore_ranges(std::size_t file);

  bool stands(std::size_t file, std::size_t block) const {
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

  std::optional<Run> whole_run(std::size_t index);
  std::optional<Run> partial_run(std::size_t index);
  Run claim(std::size_t index, std::size_t first, std::size_t last);

  std::uint64_t block_bytes_;
  std::size_t num_connections_;
  std::vector<File> files_;
};

}  // namespace rerank
