#include "base/files/atomic_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <utility>

#include "rerank/error.h"

namespace rerank {
namespace {

namespace fs = std::filesystem;

constexpr std::chrono::hours kAbandoned{1};

std::string descriptor_path(int file) {
  return fmt::format("/proc/self/fd/{}", file);
}

std::error_code last_error() {
  return {errno, std::generic_category()};
}

std::error_code flush(int file) {
  if (::fsync(file) == 0 || errno == EINVAL) return {};  // not every file system can
  return last_error();
}

[[noreturn]] void fail_to_write(const fs::path& path, int error) {
  throw Error(
      ErrorCode::kUnavailable,
      fmt::format("cannot write {}: {}{}", path.string(), std::strerror(error),
                  error == ENOSPC || error == EDQUOT ? "; free some space or choose another directory" : ""));
}

// Gives a file without a name the name `path`. A name can only be given where there is none, hence the step
// between.
int link_to(int file, const fs::path& path) {
  const std::string source = descriptor_path(file);
  const auto link = [&source](const fs::path& name) {
    return ::linkat(AT_FDCWD, source.c_str(), AT_FDCWD, name.c_str(), AT_SYMLINK_FOLLOW) == 0 ? 0 : errno;
  };
  if (const int error = link(path); error != EEXIST) return error;
  const fs::path between = name_beside(path);
  if (const int error = link(between); error != 0) return error;
  if (std::rename(between.c_str(), path.c_str()) == 0) return 0;
  const int error = errno;
  ::unlink(between.c_str());
  return error;
}

}  // namespace

AtomicFile::AtomicFile(fs::path path, const AtomicFileOptions& options) : path_(std::move(path)) {
  const fs::path parent = path_.has_parent_path() ? path_.parent_path() : ".";
  const auto mode = static_cast<mode_t>(options.mode);
  // Without /proc the file could not be given its name.
  if (::access("/proc/self/fd", X_OK) == 0)
    file_ = ::open(parent.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, mode);
  if (file_ < 0) {
    beside_ = name_beside(path_);
    file_ = ::open(beside_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  }
  if (file_ < 0) {
    beside_.clear();
    fail(errno);
  }
  // Not every file system can claim space; those report a full disk while writing.
  if (options.size_bytes > 0 && ::fallocate(file_, 0, 0, static_cast<off_t>(options.size_bytes)) != 0 &&
      errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR) {
    const int error = errno;
    ::close(file_);
    if (!beside_.empty()) ::unlink(beside_.c_str());
    fail(error);
  }
}

AtomicFile::~AtomicFile() {
  if (file_ >= 0) ::close(file_);
  if (!beside_.empty()) ::unlink(beside_.c_str());
}

void AtomicFile::write(std::uint64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(written < 0 ? errno : ENOSPC);
    offset += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit(Durability durability) {
  if (durability == Durability::kFlushed) {
    if (const std::error_code error = flush(file_)) fail(error.value());
  }
  if (beside_.empty()) {
    if (const int error = link_to(file_, path_); error != 0) fail(error);
  }
  if (::close(std::exchange(file_, -1)) != 0)
    fail(errno);  // a network's file system reports late errors here
  if (!beside_.empty()) {
    if (std::rename(beside_.c_str(), path_.c_str()) != 0) fail(errno);
    beside_.clear();
  }
}

void AtomicFile::fail(int error) const {
  fail_to_write(path_, error);
}

std::error_code publish_file(int file, const fs::path& from, const fs::path& to) {
  if (const std::error_code error = flush(file)) return error;
  return std::rename(from.c_str(), to.c_str()) == 0 ? std::error_code() : last_error();
}

void write_whole_file(const fs::path& path, std::string_view text) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (!fs::is_character_file(status) && !fs::is_fifo(status)) {
    AtomicFile file(path);
    file.write(0, text);
    file.commit(Durability::kFlushed);
    return;
  }
  std::FILE* const stream = std::fopen(path.c_str(), "wb");
  if (stream == nullptr) fail_to_write(path, errno);
  const bool is_written = std::fwrite(text.data(), 1, text.size(), stream) == text.size();
  const int error = errno;
  if (std::fclose(stream) != 0) fail_to_write(path, errno);
  if (!is_written) fail_to_write(path, error);
}

bool write_cache_file(const fs::path& path, std::string_view text) {
  std::error_code ignored;
  fs::create_directories(path.parent_path(), ignored);
  remove_leftovers(path);
  try {
    AtomicFile file(path);
    file.write(0, text);
    file.commit(Durability::kCached);
    return true;
  } catch (const Error&) {
    return false;
  }
}

fs::path name_beside(const fs::path& path) {
  std::random_device random;
  const std::uint64_t number = (std::uint64_t{random()} << 32) | random();
  return fmt::format("{}.{:016x}", path.string(), number);
}

void remove_leftovers(const fs::path& path) {
  const std::string start = path.filename().string() + ".";
  const fs::file_time_type limit = fs::file_time_type::clock::now() - kAbandoned;
  std::error_code error;
  fs::directory_iterator entry(path.parent_path(), error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (!entry->path().filename().string().starts_with(start)) continue;
    std::error_code ignored;
    const fs::file_time_type written = entry->last_write_time(ignored);
    if (!ignored && written < limit) fs::remove(entry->path(), ignored);
  }
}

}  // namespace rerank
