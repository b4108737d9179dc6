// Finds and reads the small text files that settings stand in. What stands in them is read elsewhere.
#pragma once

#include <string>

namespace rerank {

// The content of the file, which may be a pipe. Throws Error naming it: none of this name, a directory,
// unreadable, more than a megabyte.
std::string setting_file_content(const std::string& path);

bool is_regular_file(const std::string& path);

// The TOML file that nobody had to name: ./rerank.toml, else the user's own. Empty if there is neither.
std::string usual_toml_file();

}  // namespace rerank
