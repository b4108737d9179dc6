#include "base/files/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "rerank/error.h"

namespace rerank {
namespace {

std::int64_t nanoseconds(const timespec& time) {
  return std::int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

FileState state_of(const struct stat& status) {
  return {.size_bytes = static_cast<std::uint64_t>(status.st_size),
          .inode = status.st_ino,
          .modified_ns = nanoseconds(status.st_mtim),
          .changed_ns = nanoseconds(status.st_ctim)};
}

}  // namespace

FileState file_state(const std::filesystem::path& path) {
  struct stat status {};
  return ::stat(path.c_str(), &status) == 0 ? state_of(status) : FileState{};
}

MappedFile::MappedFile(const std::filesystem::path& path) : path_(path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) {
    throw Error(ErrorCode::kNotFound, fmt::format("cannot open {}: {}", path.string(), std::strerror(errno)));
  }
  struct stat status {};
  const bool is_file = ::fstat(file, &status) == 0 && S_ISREG(status.st_mode);
  state_ = state_of(status);
  size_bytes_ = is_file ? static_cast<std::size_t>(status.st_size) : 0;
  void* data = size_bytes_ > 0 ? ::mmap(nullptr, size_bytes_, PROT_READ, MAP_SHARED, file, 0) : nullptr;
  const int map_error = errno;
  ::close(file);
  require(is_file, fmt::format("{} is not a regular file", path.string()));
  require(size_bytes_ > 0, fmt::format("{} is empty", path.string()));
  if (data == MAP_FAILED) {
    throw Error(ErrorCode::kUnavailable,
                fmt::format("cannot map {}: {}", path.string(), std::strerror(map_error)));
  }
  data_ = static_cast<const std::byte*>(data);
}

MappedFile::~MappedFile() {
  if (data_ != nullptr) ::munmap(const_cast<std::byte*>(data_), size_bytes_);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      data_(std::exchange(other.data_, nullptr)),
      size_bytes_(std::exchange(other.size_bytes_, 0)),
      state_(other.state_) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  std::swap(state_, other.state_);
  return *this;
}

void MappedFile::release_pages() const {
  release_pages(0, size_bytes_);
}

void MappedFile::release_pages(std::size_t offset, std::size_t size_bytes) const {
  if (data_ == nullptr) return;
  check(offset <= size_bytes_ && size_bytes <= size_bytes_ - offset,
        "released a range outside the mapped file");
  static const std::size_t page_bytes = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  const std::size_t first = (offset + page_bytes - 1) / page_bytes * page_bytes;
  // The last page of the file belongs to nobody else.
  const std::size_t end = offset + size_bytes;
  const std::size_t last = end == size_bytes_ ? end : end / page_bytes * page_bytes;
  if (first < last) ::madvise(const_cast<std::byte*>(data_) + first, last - first, MADV_DONTNEED);
}

}  // namespace rerank
