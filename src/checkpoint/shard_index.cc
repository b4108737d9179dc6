// Reading the index of a split checkpoint and holding the shards against it.
#include "checkpoint/shard_index.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <set>

#include "rerank/error.h"
#include "text/strict_json.h"

namespace rerank {
namespace {

bool is_plain_file_name(std::string_view name) {
  return name.ends_with(".safetensors") && name.front() != '.' &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

}  // namespace

ShardIndex parse_shard_index(std::string_view text, std::string_view name) {
  const boost::json::value value = parse_strict_json(text, name);
  const boost::json::object* root = value.if_object();
  const boost::json::value* map = root == nullptr ? nullptr : root->if_contains("weight_map");
  require(map != nullptr && map->is_object() && !map->get_object().empty(),
          fmt::format("{}: weight_map is missing or no object; download the file again", name));
  ShardIndex index;
  std::set<std::string> files;
  for (const boost::json::key_value_pair& pair : map->get_object()) {
    const std::string tensor(pair.key().data(), pair.key().size());
    require(pair.value().is_string(),
            fmt::format("{}: weight_map: {} is not mapped to a file name; download the file again", name,
                        shown_text(tensor)));
    const boost::json::string& found = pair.value().get_string();
    const std::string file(found.data(), found.size());
    require(is_plain_file_name(file), fmt::format("{}: weight_map: {} is mapped to \"{}\", which is no plain "
                                                  "name of a .safetensors file beside it; "
                                                  "download the model from a source that you trust",
                                                  name, shown_text(tensor), shown_text(file)));
    index.file_of.emplace(tensor, file);
    files.insert(file);
  }
  index.files.assign(files.begin(), files.end());
  return index;
}

void compare_with_index(const ShardIndex& index, const std::vector<std::unique_ptr<SafetensorsFile>>& files,
                        std::string_view name) {
  check(files.size() == index.files.size(), "shards were opened in another number than the index has");
  std::set<std::string_view> found;
  for (std::size_t i = 0; i < files.size(); ++i) {
    for (const SafetensorsEntry& entry : files[i]->entries()) {
      const auto place = index.file_of.find(entry.name);
      if (place == index.file_of.end() || place->second != index.files[i]) {
        throw Error(
            ErrorCode::kInvalidArgument,
            fmt::format(
                "{}: tensor {} is in {}, but the index does not place it there; download the model again",
                name, shown_text(entry.name), index.files[i]));
      }
      found.insert(entry.name);
    }
  }
  for (const auto& [tensor, file] : index.file_of) {
    if (found.contains(tensor) || tensor.ends_with(kPositionIdsEnding)) continue;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: tensor {} is not in its shard {}; download the model again", name,
                            shown_text(tensor), shown_text(file)));
  }
}

}  // namespace rerank
