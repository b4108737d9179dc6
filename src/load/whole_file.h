// Small files read and written as a whole.
#pragma once

#include <string>
#include <string_view>

namespace rerank::load {

// Both throw Error naming the file and what the system said.
std::string read_whole_file(const std::string& path);
// The file is there with all of `text`, or as it was before: never a part of it. It is flushed to the disk.
void write_whole_file(const std::string& path, std::string_view text);

}  // namespace rerank::load
