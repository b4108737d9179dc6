#include "checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "rerank/error.h"
#include "text/json_view.h"

namespace rerank {
namespace {

std::vector<TensorInfo>::const_iterator lower_bound(const std::vector<TensorInfo>& tensors,
                                                    std::string_view name) {
  return std::lower_bound(
      tensors.begin(), tensors.end(), name,
      [](const TensorInfo& tensor, std::string_view wanted) { return tensor.name < wanted; });
}

}  // namespace

JsonFile Checkpoint::json_file(std::string_view path) const {
  return JsonFile(text_file(path).value_or("{}"), name_of(path));
}

std::string Checkpoint::name_of(std::string_view path) const {
  return fmt::format("{}: {}", description(), path);
}

bool Checkpoint::contains(std::string_view name) const {
  const auto found = lower_bound(tensors(), name);
  return found != tensors().end() && found->name == name;
}

std::size_t Checkpoint::index_of(std::string_view name) const {
  const auto found = lower_bound(tensors(), name);
  if (found == tensors().end() || found->name != name) {
    throw Error(ErrorCode::kNotFound, fmt::format("{}: has no tensor {}", description(), name));
  }
  return static_cast<std::size_t>(found - tensors().begin());
}

}  // namespace rerank
