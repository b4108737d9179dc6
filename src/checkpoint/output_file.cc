// Writing files with the system's calls, every error told.
#include "checkpoint/output_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "rerank/error.h"

namespace rerank {

OutputFile::OutputFile(const std::filesystem::path& path, std::uint64_t size_bytes) : path_(path) {
  file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (file_ < 0) fail(errno);
  // A full disk is known before the work. Not every file system can claim space; those tell while writing.
  if (size_bytes > 0 && ::fallocate(file_, 0, 0, static_cast<off_t>(size_bytes)) != 0 &&
      errno != EOPNOTSUPP && errno != ENOSYS && errno != EINTR) {
    const int error = errno;
    ::close(std::exchange(file_, -1));
    fail(error);
  }
}

OutputFile::~OutputFile() {
  if (file_ >= 0) ::close(file_);
}

void OutputFile::write(std::uint64_t offset, std::span<const std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail(written < 0 ? errno : ENOSPC);
    offset += static_cast<std::uint64_t>(written);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void OutputFile::close() {
  if (::close(std::exchange(file_, -1)) != 0) fail(errno);
}

void OutputFile::fail(int error) const {
  throw Error(ErrorCode::kUnavailable,
              fmt::format("cannot write {}: {}; free some space or choose another directory", path_.string(),
                          std::strerror(error)));
}

}  // namespace rerank
