// model.safetensors.index.json: which tensor lies in which file of a checkpoint that was split.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/safetensors.h"

namespace rerank {

struct ShardIndex {
  std::map<std::string, std::string, std::less<>> file_of;  // tensor -> file
  std::vector<std::string> files;  // each once, sorted; plain names without a directory
};

// Throws Error that starts with `name` when the text is no index or a file's name leads out of the directory.
ShardIndex parse_shard_index(std::string_view json, std::string_view name);

// Throws Error that starts with `name` unless the files, opened in the order of `index.files`, hold exactly
// the tensors that the index gives them.
void compare_with_index(const ShardIndex& index, const std::vector<std::unique_ptr<SafetensorsFile>>& files,
                        std::string_view name);

}  // namespace rerank
