// A file mapped read-only into memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>

namespace rerank {

// What tells whether a file was touched. No program can set `changed` back.
struct FileState {
  std::uint64_t size_bytes = 0;
  std::uint64_t inode = 0;
  std::int64_t modified_ns = 0;  // since 1970
  std::int64_t changed_ns = 0;   // content or inode, since 1970

  bool operator==(const FileState&) const = default;
};

// As it is now; of a file that cannot be looked at all 0.
FileState file_state(const std::filesystem::path& path);

// Movable, not copyable. The pages are shared with the page cache and count as resident only once touched.
class MappedFile {
 public:
  MappedFile() = default;
  // Throws Error{kNotFound} naming the file when it cannot be opened, {kInvalidArgument} when it is empty or
  // no file.
  explicit MappedFile(const std::filesystem::path& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return {data_, size_bytes_}; }
  const std::filesystem::path& path() const { return path_; }
  // When it was mapped.
  const FileState& state() const { return state_; }

  // Lets the system forget the pages of this mapping; they are read again when touched.
  void release_pages() const;
  // The same for the pages that lie wholly inside [offset, offset + size_bytes).
  // REQUIRES: the range lies inside bytes().
  void release_pages(std::size_t offset, std::size_t size_bytes) const;

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_bytes_ = 0;
  FileState state_;
};

}  // namespace rerank
