#include "settings/setting_file.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <system_error>

#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{1} << 20;

class OpenFile {
 public:
  explicit OpenFile(const std::string& path) : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
  ~OpenFile() {
    if (descriptor_ >= 0) close(descriptor_);
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  bool is_open() const { return descriptor_ >= 0; }

  // Appends what comes next; false at the end, or with errno set where it cannot be read.
  bool read_some(std::string& content) const {
    std::array<char, 65536> block{};
    ssize_t got = -1;
    do {
      errno = 0;
      got = read(descriptor_, block.data(), block.size());
    } while (got < 0 && errno == EINTR);
    if (got > 0) content.append(block.data(), static_cast<std::size_t>(got));
    return got > 0;
  }

 private:
  int descriptor_;
};

[[noreturn]] void refuse(const std::string& path, int error) {
  const bool is_missing = error == ENOENT || error == ENOTDIR;
  throw Error(is_missing ? ErrorCode::kNotFound : ErrorCode::kInvalidArgument,
              path + (is_missing        ? ": there is no such file"
                      : error == EISDIR ? ": this is a directory; name the file in it"
                                        : ": cannot be read: " + std::generic_category().message(error)));
}

}  // namespace

std::string setting_file_content(const std::string& path) {
  const OpenFile file(path);
  if (!file.is_open()) refuse(path, errno);
  std::string content;
  while (file.read_some(content)) {
    require(content.size() <= kMaxFileBytes,
            path + ": more than a megabyte; settings are a few lines, so this is another file");
  }
  if (errno != 0) refuse(path, errno);
  return content;
}

bool is_regular_file(const std::string& path) {
  struct stat status = {};
  return stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode);
}

std::string usual_toml_file() {
  if (is_regular_file("rerank.toml")) return "rerank.toml";
  const char* const configuration = getenv("XDG_CONFIG_HOME");
  const char* const home = getenv("HOME");
  std::string file;
  if (configuration != nullptr && *configuration == '/') {
    file = configuration;
  } else if (home != nullptr && *home == '/') {
    file = std::string(home) + "/.config";
  } else {
    return "";
  }
  file += "/rerank/rerank.toml";
  return is_regular_file(file) ? file : "";
}

}  // namespace rerank
