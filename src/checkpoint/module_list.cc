#include "checkpoint/module_list.h"

#include <fmt/format.h>

#include "text/json_view.h"

namespace rerank {

std::vector<Module> parse_module_list(std::string_view text, const std::string& name) {
  const JsonFile list(text, name);
  std::vector<Module> modules;
  for (std::size_t i = 0; i < list.array().size(); ++i) {
    const JsonView module = list.element(i), path = module.at("path");
    const std::string_view type = module.at("type").string(), folder = path.string();
    if (folder.find_first_of(std::string_view("/\\\0", 3)) != std::string_view::npos ||
        folder.starts_with('.'))
      path.refuse(fmt::format("is {}, which is not the name of a folder", path.quoted()));
    modules.push_back({std::string(type.substr(type.rfind('.') + 1)), std::string(folder)});
  }
  return modules;
}

}  // namespace rerank
