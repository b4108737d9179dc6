#include "model/sentence_transformers.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <vector>

#include "base/shown_text.h"
#include "text/strict_json.h"
#include "rerank/error.h"

namespace rerank {
namespace {

namespace json = boost::json;

struct Module {
  std::string type;  // the last part of its Python name, e.g. "LogitScore"
  std::string path;  // its folder; empty: the model's own
};

std::vector<Module> module_list(const Checkpoint& checkpoint, const std::string& text) {
  const std::string name = checkpoint.description() + ": modules.json";
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
    const std::string full(type->get_string().c_str());
    modules.push_back({full.substr(full.rfind('.') + 1), std::string(path->get_string().c_str())});
  }
  return modules;
}

}  // namespace

std::optional<Declaration> read_modules(const Checkpoint& checkpoint, const ConfigReader&,
                                        const FamilyMatch&) {
  const std::optional<std::string> text = checkpoint.text_file("modules.json");
  if (!text) return std::nullopt;
  for (const Module& module : module_list(checkpoint, *text)) {
    if (module.type == "Transformer") continue;
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: modules.json has {}, which this program does not compute",
                            checkpoint.description(), shown_text(module.type)));
  }
  return std::nullopt;
}

}  // namespace rerank
