#include "base/files/whole_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "rerank/error.h"

namespace rerank {

std::string read_whole_file(const std::filesystem::path& path, std::size_t max_bytes) {
  constexpr std::size_t kPartBytes = std::size_t{1} << 16;
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  std::string text;
  std::size_t size = 0;
  ssize_t count = file < 0 ? -1 : 1;
  while (count > 0 && size <= max_bytes) {
    text.resize(std::max(size + kPartBytes, text.capacity()));
    count = ::read(file, text.data() + size, text.size() - size);
    if (count < 0 && errno == EINTR)
      count = 1;
    else if (count > 0)
      size += static_cast<std::size_t>(count);
  }
  const int error = errno;
  if (file >= 0) ::close(file);
  if (count < 0) {
    throw Error(ErrorCode::kNotFound, fmt::format("cannot read {}: {}", path.string(), std::strerror(error)));
  }
  require(size <= max_bytes,
          fmt::format("{} is larger than the limit of {} bytes", path.string(), max_bytes));
  text.resize(size);
  return text;
}

}  // namespace rerank
