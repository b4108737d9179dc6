// A partially downloaded file: bytes are written in any order, and the file itself records which blocks are
// complete, so that a later run can resume it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/digest.h"

namespace rerank {

// The content is followed by a tail: a magic string and one byte per block. It is cut off when the file is
// complete. One file cannot get out of step with its own state, as two could. Only the holder of the model's
// lock may open one. Every function throws Error{kUnavailable} naming the file and the system's reason.
class PartialFile {
 public:
  // The suffix of its name. Not ".incomplete": Hugging Face's tools take such a file for the beginning of the
  // content.
  static constexpr std::string_view kEnding = ".rerank-incomplete";
  static constexpr std::uint64_t kBlockBytes = std::uint64_t{1} << 20;

  // Resumes what an earlier run left for a file of this size; otherwise reserves disk space.
  PartialFile(const std::filesystem::path& path, std::uint64_t size_bytes);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  std::uint64_t size_bytes() const { return size_bytes_; }
  std::size_t num_blocks() const { return written_.size(); }
  std::uint64_t block_begin(std::size_t block) const { return block * kBlockBytes; }
  std::uint64_t block_end(std::size_t block) const;
  bool is_written(std::size_t block) const { return written_[block] != 0; }

  // Safe from any number of threads at once, like mark() for different blocks.
  void write(std::uint64_t offset, std::string_view bytes) const;
  // REQUIRES: every byte of the block is written.
  void mark(std::size_t block);

  // Of the content, read back; `on_bytes` is called with the size of each piece, and may throw to stop.
  // REQUIRES: all blocks are written.
  Digest digest(Digest::Kind kind, const std::function<void(std::uint64_t)>& on_bytes) const;
  // Flushes it and renames it to `target`. Only the destructor may follow.
  void become(const std::filesystem::path& target);
  // Removes it. Only the destructor may follow.
  void discard();

 private:
  bool take_over();
  void claim();
  [[noreturn]] void fail(int error) const;

  std::filesystem::path path_;
  std::uint64_t size_bytes_;
  int file_ = -1;
  std::vector<unsigned char> written_;  // [num_blocks], 1: written
};

}  // namespace rerank
