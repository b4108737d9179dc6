// Small text files, read whole.
#pragma once

#include <filesystem>
#include <string>

namespace rerank {

// Throws Error naming the file when it cannot be read, is no regular file, or is larger than 64 MiB.
std::string read_text_file(const std::filesystem::path& path);

}  // namespace rerank
