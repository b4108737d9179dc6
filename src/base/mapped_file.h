// A file mapped read-only into memory.
#pragma once

#include <cstddef>
#include <filesystem>
#include <span>

namespace rerank {

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

  // Lets the system forget the pages of this mapping; they are read again when touched.
  void release_pages() const;
  // The same for the pages that lie wholly inside [offset, offset + size_bytes).
  // REQUIRES: the range lies inside bytes().
  void release_pages(std::size_t offset, std::size_t size_bytes) const;

 private:
  std::filesystem::path path_;
  const std::byte* data_ = nullptr;
  std::size_t size_bytes_ = 0;
};

}  // namespace rerank
