// modules.json: the modules of a model that sentence-transformers saved, and their folders.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rerank {

inline constexpr std::string_view kModuleListFile = "modules.json";

struct Module {
  std::string type;  // the last part of its Python name, e.g. "LogitScore"
  std::string path;  // its folder in the model's, one name; empty: the model's own
};

// Throws Error that begins with `name`.
std::vector<Module> parse_module_list(std::string_view text, const std::string& name);

}  // namespace rerank
