#include "model/tensors.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>
#include <unordered_set>

#include "base/shown_text.h"
#include "rerank/error.h"

namespace rerank {
namespace {

// Ignoring these tensors changes nothing. Some can be derived from other tensors or config.json: the head if
// it is tied to the embedding, and rotary frequencies. Others are poolers that are not used: in an encoder
// without a head, for which sentence-transformers modules pool, and before a head that takes the hidden
// states directly.
bool is_redundant(std::string_view name) {
  return name == "lm_head.weight" || name.ends_with("rotary_emb.inv_freq") ||
         name.ends_with("pooler.dense.weight") || name.ends_with("pooler.dense.bias");
}

bool is_of_head(const ModelTensor& tensor) {
  return tensor.role == TensorRole::kHead || tensor.role == TensorRole::kHeadStep;
}

const char* missing_hint(const ModelTensor& tensor) {
  if (!is_of_head(tensor)) return "";
  return tensor.role == TensorRole::kHeadStep || tensor.shape.front() == 1
             ? " (the classification head)"
             : " (config.json says tie_word_embeddings false, so a head of its own is needed)";
}

void require_tensor(const Checkpoint& checkpoint, const ModelTensor& wanted) {
  if (!checkpoint.contains(wanted.name)) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: tensor {} is missing{}; download the model again", checkpoint.description(),
                            wanted.name, missing_hint(wanted)));
  }
  const TensorInfo& found = checkpoint.tensors()[checkpoint.index_of(wanted.name)];
  if (found.shape == wanted.shape) return;
  const char* advice = is_of_head(wanted) && wanted.shape.front() == 1
                           ? "a reranker has one score (num_labels 1)"
                           : "config.json and the weights are of different models, download both again";
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{}: tensor {} has shape [{}], but config.json asks for [{}]; {}", checkpoint.description(),
                  wanted.name, fmt::join(found.shape, ", "), fmt::join(wanted.shape, ", "), advice));
}

}  // namespace

void validate_tensors(const Checkpoint& checkpoint, const std::vector<ModelTensor>& wanted,
                      const std::string& architecture) {
  std::unordered_set<std::string_view> wanted_names;
  for (const ModelTensor& tensor : wanted) {
    require_tensor(checkpoint, tensor);
    wanted_names.insert(tensor.name);
  }
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    if (wanted_names.contains(tensor.name) || is_redundant(tensor.name)) continue;
    throw Error(
        ErrorCode::kUnsupported,
        fmt::format(
            "{}: tensor {} is not part of {} as published, and leaving it out could give wrong scores; "
            "merge adapters into the weights, or use the original checkpoint",
            checkpoint.description(), shown_text(tensor.name), architecture));
  }
}

}  // namespace rerank
