#include "hub/partial_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

#include "base/files/atomic_file.h"
#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::string_view kMark = "rerank partial 1\n";
constexpr std::size_t kReadBytes = std::size_t{1} << 20;

bool read_fully(int file, std::uint64_t offset, char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t count = ::pread(file, bytes, size, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    bytes += count;
    offset += static_cast<std::uint64_t>(count);
    size -= static_cast<std::size_t>(count);
  }
  return true;
}

}  // namespace

PartialFile::PartialFile(const std::filesystem::path& path, std::uint64_t size_bytes)
    : path_(path), size_bytes_(size_bytes), written_((size_bytes + kBlockBytes - 1) / kBlockBytes, 0) {
  file_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (file_ < 0) fail(errno);
  try {
    if (!take_over()) claim();
  } catch (...) {
    ::close(file_);
    throw;
  }
}

PartialFile::~PartialFile() {
  if (file_ >= 0) ::close(file_);
}

std::uint64_t PartialFile::block_end(std::size_t block) const {
  return std::min(size_bytes_, block_begin(block) + kBlockBytes);
}

// Returns false, with no block written, if the file is not the leftover of an earlier run for this size.
bool PartialFile::take_over() {
  struct stat status {};
  if (::fstat(file_, &status) != 0) fail(errno);
  if (static_cast<std::uint64_t>(status.st_size) != size_bytes_ + kMark.size() + written_.size())
    return false;
  std::string tail(kMark.size() + written_.size(), '\0');
  if (!read_fully(file_, size_bytes_, tail.data(), tail.size()) || !tail.starts_with(kMark)) return false;
  std::transform(tail.begin() + kMark.size(), tail.end(), written_.begin(),
                 [](char c) -> unsigned char { return c == 1 ? 1 : 0; });
  return true;
}

void PartialFile::claim() {
  const auto whole = static_cast<off_t>(size_bytes_ + kMark.size() + written_.size());
  if (::ftruncate(file_, 0) != 0) fail(errno);
  // Reports a full disk now rather than after an hour. Not every file system supports it.
  if (::fallocate(file_, 0, 0, whole) != 0 && errno != EOPNOTSUPP && errno != ENOSYS) {
    const int error = errno;
    std::error_code ignored;
    std::filesystem::remove(path_, ignored);
    fail(error);
  }
  if (::ftruncate(file_, whole) != 0) fail(errno);
  write(size_bytes_, kMark);
}

void PartialFile::write(std::uint64_t offset, std::string_view bytes) const {
  while (!bytes.empty()) {
    const ssize_t count = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fail(errno);
    bytes.remove_prefix(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
}

void PartialFile::mark(std::size_t block) {
  write(size_bytes_ + kMark.size() + block, {"\1", 1});
  written_[block] = 1;
}

Digest PartialFile::digest(Digest::Kind kind, const std::function<void(std::uint64_t)>& on_bytes) const {
  DigestBuilder builder(kind, size_bytes_);
  std::string buffer(kReadBytes, '\0');
  for (std::uint64_t offset = 0; offset < size_bytes_;) {
    const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), size_bytes_ - offset));
    if (!read_fully(file_, offset, buffer.data(), part)) fail(EIO);
    builder.add({buffer.data(), part});
    offset += part;
    on_bytes(part);
  }
  return builder.result();
}

void PartialFile::become(const std::filesystem::path& target) {
  if (::ftruncate(file_, static_cast<off_t>(size_bytes_)) != 0) fail(errno);
  if (const std::error_code error = publish_file(file_, path_, target)) fail(error.value());
}

void PartialFile::discard() {
  std::error_code error;
  std::filesystem::remove(path_, error);
  if (error) fail(error.value());
}

void PartialFile::fail(int error) const {
  const bool is_full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  throw Error(ErrorCode::kUnavailable,
              fmt::format("{}: {}{}", path_.string(), std::generic_category().message(error),
                          is_full ? "; free some space or use another directory with --cache-dir" : ""));
}

}  // namespace rerank
