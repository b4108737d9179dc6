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
  for (const ModelTensor& tensor : reranker.tensors) names_[{tensor.layer, tensor.role}] = tensor.name;
  if (has_classification_head_) return;
  check(answers.yes >= 0 && answers.yes < spec_.vocab && answers.no >= -1 && answers.no < spec_.vocab,
        "the answers' ids are outside the vocabulary");
}

TensorView CheckpointWeights::tensor(TensorRole role, std::int32_t layer) const {
  const auto found = names_.find({layer, role});
  return found == names_.end() ? TensorView{} : checkpoint_->tensor(found->second);
}

std::string CheckpointWeights::identity() const {
  return fmt::format("{} no {} yes {}", checkpoint_->identity(), answers_.no, answers_.yes);
}

LayerWeights CheckpointWeights::layer(std::int32_t layer) {
  const auto of = [&](TensorRole role) { return tensor(role, layer); };
  const auto linear = [&](TensorRole weight) { return Linear{.weight = of(weight), .bias = {}}; };
  return {.attention_norm = {of(TensorRole::kAttentionNorm), {}},
          .query = {of(TensorRole::kQuery), of(TensorRole::kQueryBias)},
          .key = {of(TensorRole::kKey), of(TensorRole::kKeyBias)},
          .value = {of(TensorRole::kValue), of(TensorRole::kValueBias)},
          .output = linear(TensorRole::kOutput),
          .query_norm = of(TensorRole::kQueryNorm),
          .key_norm = of(TensorRole::kKeyNorm),
          .mlp_norm = {of(TensorRole::kMlpNorm), {}},
          .gate = linear(TensorRole::kGate),
          .up = linear(TensorRole::kUp),
          .down = linear(TensorRole::kDown)};
}

void CheckpointWeights::release_layer(std::int32_t layer) {
  const auto first = names_.lower_bound({layer, TensorRole{}});
  const auto end = names_.lower_bound({layer + 1, TensorRole{}});
  for (auto name = first; name != end; ++name) checkpoint_->release(name->second);
}

DataType CheckpointWeights::embedding_type() {
  const std::string& name = names_.at({kNoLayer, TensorRole::kEmbedding});
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
  return head_row(has_classification_head_ ? 0 : answers_.yes);
}

}  // namespace rerank
