// Finds the weights of a transformer in a checkpoint by their roles.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>

#include "backend/transformer.h"
#include "checkpoint/checkpoint.h"
#include "model/model.h"

namespace rerank {

class CheckpointWeights final : public TransformerWeights {
 public:
  // See create_model.
  CheckpointWeights(std::shared_ptr<Checkpoint> checkpoint, const Reranker& reranker, AnswerIds answers,
                    std::int32_t max_positions);

  const TransformerSpec& spec() const override { return spec_; }
  DataType type() const override { return type_; }
  std::string identity() const override;

  LayerWeights layer(std::int32_t layer) override;
  void release_layer(std::int32_t layer) override;
  TensorView embedding() override { return tensor(TensorRole::kEmbedding); }
  TensorView position_embedding() override { return tensor(TensorRole::kPositionEmbedding); }
  TensorView type_embedding() override { return tensor(TensorRole::kTypeEmbedding); }
  Norm embedding_norm() override { return norm(TensorRole::kEmbeddingNorm); }
  DataType embedding_type() override;
  Norm final_norm() override { return norm(TensorRole::kFinalNorm); }
  TensorView head_no() override;
  TensorView head_yes() override;
  Linear head_step(std::int32_t step) override {
    return linear(TensorRole::kHeadStep, head_step_place(step));
  }

  // Drops the checkpoint. REQUIRES: afterwards only spec and type are called.
  void release() { checkpoint_.reset(); }

 private:
  // An empty view if the model has no such tensor.
  TensorView tensor(TensorRole role, std::int32_t layer = kNoLayer) const;
  Linear linear(TensorRole weight, std::int32_t layer) const {
    return {tensor(weight, layer), tensor(bias_of(weight), layer)};
  }
  Norm norm(TensorRole weight, std::int32_t layer = kNoLayer) const {
    return {tensor(weight, layer), tensor(bias_of(weight), layer)};
  }
  TensorView head_row(std::int32_t row);

  std::shared_ptr<Checkpoint> checkpoint_;
  // Where the values of a role are.
  struct Place {
    std::string name;
    std::int64_t first_row = 0;
    std::int64_t num_rows = 0;  // 0: the whole tensor
  };
  std::map<std::pair<std::int32_t, TensorRole>, Place> places_;
  TransformerSpec spec_;
  DataType type_;
  bool has_classification_head_;
  AnswerIds answers_;
};

}  // namespace rerank
