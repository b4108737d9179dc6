#include "load/whole_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <iterator>

#include "rerank/error.h"

namespace rerank::load {
namespace {

constexpr std::size_t kPartBytes = std::size_t{1} << 16;
constexpr std::size_t kMostBytes = std::size_t{256} << 20;

class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& beside) : target_(beside), path_(beside + ".XXXXXX") {
    file_ = mkostemp(path_.data(), O_CLOEXEC);
    if (file_ < 0) fail(errno);
    // As if it had been created openly.
    const mode_t mask = umask(0);
    umask(mask);
    fchmod(file_, 0666 & ~mask);
  }
  ~TemporaryFile() {
    if (file_ >= 0) close(file_);
    if (!path_.empty()) unlink(path_.c_str());
  }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;

  void write(std::string_view text) const {
    while (!text.empty()) {
      const ssize_t written = ::write(file_, text.data(), text.size());
      if (written < 0 && errno == EINTR) continue;
      if (written <= 0) fail(written < 0 ? errno : ENOSPC);
      text.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  void take_place() {
    if (fsync(file_) != 0 && errno != EINVAL) fail(errno);
    const int file = file_;
    file_ = -1;
    if (close(file) != 0) fail(errno);
    if (std::rename(path_.c_str(), target_.c_str()) != 0) fail(errno);
    path_.clear();
  }

 private:
  [[noreturn]] void fail(int error) const {
    throw Error(ErrorCode::kUnavailable, fmt::format("cannot write {}: {}", target_, std::strerror(error)));
  }

  std::string target_;
  std::string path_;
  int file_ = -1;
};

}  // namespace

std::string read_whole_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  std::string part(kPartBytes, '\0');
  while (file.read(part.data(), static_cast<std::streamsize>(part.size())) || file.gcount() > 0) {
    text.append(part, 0, static_cast<std::size_t>(file.gcount()));
    require(text.size() <= kMostBytes, fmt::format("{} is longer than {} bytes", path, kMostBytes));
  }
  if (!file.is_open() || file.bad()) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("cannot read {}: {}", path, std::strerror(errno == 0 ? EIO : errno)));
  }
  return text;
}

void write_whole_file(const std::string& path, std::string_view text) {
  TemporaryFile file(path);
  file.write(text);
  file.take_place();
}

}  // namespace rerank::load
