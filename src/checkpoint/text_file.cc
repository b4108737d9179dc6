// Reading small text files.
#include "checkpoint/text_file.h"

#include <fmt/format.h>

#include "base/mapped_file.h"
#include "rerank/error.h"

namespace rerank {

std::string read_text_file(const std::filesystem::path& path) {
  constexpr std::size_t kMaxBytes = std::size_t{64} << 20;
  const MappedFile file(path);
  const std::size_t size_bytes = file.bytes().size();
  require(size_bytes <= kMaxBytes, fmt::format("{}: {} bytes, more than the {} that such a file may have",
                                               path.string(), size_bytes, kMaxBytes));
  return std::string(reinterpret_cast<const char*>(file.bytes().data()), size_bytes);
}

}  // namespace rerank
