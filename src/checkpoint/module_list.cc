#include "checkpoint/module_list.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>

#include "rerank/error.h"
#include "text/strict_json.h"

namespace rerank {

namespace json = boost::json;

std::vector<Module> parse_module_list(std::string_view text, const std::string& name) {
  const json::value value = parse_strict_json(text, name);
  const json::array* list = value.if_array();
  require(list != nullptr, name + ": must be a list; download the file again");
  std::vector<Module> modules;
  for (const json::value& entry : *list) {
    const json::object* object = entry.if_object();
    const json::value* type = object == nullptr ? nullptr : object->if_contains("type");
    const json::value* path = object == nullptr ? nullptr : object->if_contains("path");
    require(type != nullptr && type->is_string() && path != nullptr && path->is_string(),
            name + ": each module must have a type and a path; download the file again");
    const std::string full(type->get_string().begin(), type->get_string().end());
    const std::string folder(path->get_string().begin(), path->get_string().end());
    modules.push_back({full.substr(full.rfind('.') + 1), folder});
    require(
        folder.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos && !folder.starts_with('.'),
        name + ": " + shown_text(folder) + " is not the name of a folder; download the file again");
  }
  return modules;
}

}  // namespace rerank
