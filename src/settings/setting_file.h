// Finds and reads the small text files of settings. Their content is parsed elsewhere.
#pragma once

#include <string>

namespace rerank {

// The content of the file, which may be a pipe. Throws Error naming it: none of this name, a directory,
// unreadable, more than a megabyte.
std::string setting_file_content(const std::string& path);

bool is_regular_file(const std::string& path);

// The TOML file that nobody had to name: ./rerank.toml, or the user's own. Empty if there is neither.
std::string usual_toml_file();

}  // namespace rerank
