#include "checkpoint/shard_index.h"

#include <fmt/format.h>

#include <set>

#include "text/json_view.h"

namespace rerank {
namespace {

bool is_plain_file_name(std::string_view name) {
  return name.ends_with(".safetensors") && name.front() != '.' &&
         name.find_first_of(std::string_view("/\\\0", 3)) == std::string_view::npos;
}

}  // namespace

ShardIndex parse_shard_index(std::string_view text, std::string_view name) {
  const JsonFile root(text, name);
  const JsonView map = root.at("weight_map");
  if (map.object().empty()) map.refuse("is empty");
  ShardIndex index;
  std::set<std::string_view> files;
  for (const boost::json::key_value_pair& member : map.object()) {
    const JsonView file = map.member(member);
    if (!is_plain_file_name(file.string())) {
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{} is {}, which is not the plain name of a .safetensors file in the same "
                              "directory; download the model from a source that you trust",
                              file.name(), shown_text(file.string())));
    }
    index.file_of.emplace(member.key(), file.string());
    files.insert(file.string());
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
