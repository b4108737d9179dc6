// Reads settings from TOML, as plain text values with their lines. Knows nothing of what they mean.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rerank {

struct TomlEntry {
  std::string section;  // the table it is in; empty: none
  std::string key;
  std::vector<std::string> values;  // one unless is_list
  bool is_list = false;
  int line = 0;  // from 1
};

// Throws Error naming `file` and the line: what is not TOML, a table within a table, a value that is neither
// text, number, true or false nor a list of those.
std::vector<TomlEntry> toml_entries(std::string_view content, const std::string& file);

}  // namespace rerank
