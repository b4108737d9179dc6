// A file on its way: bytes written in any order, and which blocks of it stand, so that another run goes on
// where this one ended, however it ended.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "hub/digest.h"

namespace rerank {

// Behind the content stands a tail: a mark, and a byte for each block. It is cut off when the file is
// complete. So there is one file, not one and its state, which could be parted. Only whoever holds the
// model's lock may have one. Every function throws Error{kUnavailable} naming the file and what the system
// said.
class PartialFile {
 public:
  // What people see of it. Not ".incomplete": Hugging Face's tools take such a file for the beginning of the
  // content, which this is not.
  static constexpr std::string_view kEnding = ".rerank-incomplete";
  static constexpr std::uint64_t kBlockBytes = std::uint64_t{1} << 20;

  // Goes on with what an earlier run left for a file of this size, else claims the space on the disk.
  PartialFile(const std::filesystem::path& path, std::uint64_t size_bytes);
  ~PartialFile();
  PartialFile(const PartialFile&) = delete;
  PartialFile& operator=(const PartialFile&) = delete;

  std::uint64_t size_bytes() const { return size_bytes_; }
  std::size_t num_blocks() const { return stands_.size(); }
  std::uint64_t block_begin(std::size_t block) const { return block * kBlockBytes; }
  std::uint64_t block_end(std::size_t block) const;
  bool stands(std::size_t block) const { return stands_[block] != 0; }

  // Safe from any number of threads at once, like mark() for different blocks.
  void write(std::uint64_t offset, std::string_view bytes) const;
  // REQUIRES: every byte of the block is written.
  void mark(std::size_t block);

  // Of the content, read back; `on_bytes` is told of every piece, and may throw to end it. REQUIRES: all
  // blocks stand.
  Digest digest(Digest::Kind kind, const std::function<void(std::uint64_t)>& on_bytes) const;
  // Makes it the file `target`, at once and for good. Nothing but the destructor may follow.
  void become(const std::filesystem::path& target);
  // Removes it. Nothing but the destructor may follow.
  void discard();

 private:
  bool take_over();
  void claim();
  [[noreturn]] void fail(int error) const;

  std::filesystem::path path_;
  std::uint64_t size_bytes_;
  int file_ = -1;
  std::vector<unsigned char> stands_;  // [num_blocks], 1: it does
};

}  // namespace rerank
