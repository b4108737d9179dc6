// model.safetensors.index.json: which file of a sharded checkpoint contains each tensor.
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

// Throws Error that starts with `name` if the text is not an index or a file name leaves the directory.
ShardIndex parse_shard_index(std::string_view json, std::string_view name);

// Throws Error that starts with `name` unless the files, opened in the order of `index.files`, contain
// exactly the tensors that the index assigns to them.
void compare_with_index(const ShardIndex& index, const std::vector<std::unique_ptr<SafetensorsFile>>& files,
                        std::string_view name);

}  // namespace rerank
