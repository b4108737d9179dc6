// Small files, read as a whole.
#pragma once

#include <cstddef>
#include <filesystem>
#include <string>

namespace rerank {

// Reads to the end of whatever has the path, a pipe or a device too. Throws Error{kNotFound} naming the file
// and the system's reason, {kInvalidArgument} where there is more than `max_bytes`.
std::string read_whole_file(const std::filesystem::path& path, std::size_t max_bytes = std::size_t{64} << 20);

}  // namespace rerank
