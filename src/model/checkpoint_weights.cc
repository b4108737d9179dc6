#include "model/checkpoint_weights.h"

#include <fmt/format.h>

#include "rerank/error.h"

namespace rerank {

CheckpointWeights::CheckpointWeights(std::shared_ptr<Checkpoint> checkpoint, const Reranker& reranker,
                                     AnswerIds answers, std::int32_t max_positions)
    : checkpoint_(std::move(checkpoint)),
      spec_(reranker.spec),
      type_(reranker.matrix_type(*checkpoint_)),
      has_classification_head_(reranker.has_classification_head),
      answers_(answers) {
  spec_.max_positions = max_positions;
  for (const ModelTensor& tensor : reranker.tensors) {
    if (tensor.parts.empty()) places_[{tensor.layer, tensor.role}] = {.name = tensor.name};
    std::int64_t row = 0;
    for (const TensorPart& part : tensor.parts) {
      places_[{tensor.layer, part.role}] = {tensor.name, row, part.num_rows};
      row += part.num_rows;
    }
  }
  if (has_classification_head_) return;
  check(answers.yes >= 0 && answers.yes < spec_.vocab && answers.no >= -1 && answers.no < spec_.vocab,
        "the answers' ids are outside the vocabulary");
}

TensorView CheckpointWeights::tensor(TensorRole role, std::int32_t layer) const {
  const auto found = places_.find({layer, role});
  if (found == places_.end()) return {};
  const Place& place = found->second;
  const TensorView whole = checkpoint_->tensor(place.name);
  return place.num_rows == 0 ? whole : whole.rows(place.first_row, place.num_rows);
}

std::string CheckpointWeights::identity() const {
  return fmt::format("{} no {} yes {}", checkpoint_->identity(), answers_.no, answers_.yes);
}

LayerWeights CheckpointWeights::layer(std::int32_t layer) {
  return {.attention_norm = norm(TensorRole::kAttentionNorm, layer),
          .query = linear(TensorRole::kQuery, layer),
          .key = linear(TensorRole::kKey, layer),
          .value = linear(TensorRole::kValue, layer),
          .output = linear(TensorRole::kOutput, layer),
          .query_norm = tensor(TensorRole::kQueryNorm, layer),
          .key_norm = tensor(TensorRole::kKeyNorm, layer),
          .mlp_norm = norm(TensorRole::kMlpNorm, layer),
          .gate = linear(TensorRole::kGate, layer),
          .up = linear(TensorRole::kUp, layer),
          .down = linear(TensorRole::kDown, layer)};
}

void CheckpointWeights::release_layer(std::int32_t layer) {
  const auto first = places_.lower_bound({layer, TensorRole{}});
  const auto end = places_.lower_bound({layer + 1, TensorRole{}});
  for (auto place = first; place != end; ++place) checkpoint_->release(place->second.name);
}

DataType CheckpointWeights::embedding_type() {
  const std::string& name = places_.at({kNoLayer, TensorRole::kEmbedding}).name;
  return checkpoint_->tensors()[checkpoint_->index_of(name)].type;
}

TensorView CheckpointWeights::head_row(std::int32_t row) {
  const TensorView own = tensor(TensorRole::kHead);
  return (own.empty() ? embedding() : own).row(row);
}

TensorView CheckpointWeights::head_no() {
  return has_classification_head_ || answers_.no < 0 ? TensorView{} : head_row(answers_.no);
}

TensorView CheckpointWeights::head_yes() {
  if (!spec_.head.empty()) return {};
  return head_row(has_classification_head_ ? 0 : answers_.yes);
}

}  // namespace rerank
