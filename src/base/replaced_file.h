// Small files that are replaced in one step, so that no reader sees half of one, and the names that such
// steps need.
#pragma once

#include <filesystem>
#include <string_view>

namespace rerank {

// Makes the directory where there is none. False if the text cannot be put there: what was there stays.
bool replace_file(const std::filesystem::path& path, std::string_view text);

// PATH.RANDOM: a name in the same directory that no other process takes, wherever it runs.
std::filesystem::path name_beside(const std::filesystem::path& path);

// Removes files PATH.RANDOM that writers left who were killed. Those of the last hour may be somebody's
// still.
void remove_leftovers(const std::filesystem::path& path);

}  // namespace rerank
