// A model that computes the same as another, but with heavy outliers: some channels of its norms are many
// times as large, and the columns behind them as much smaller. For tests only.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "backend/transformer.h"
#include "tests/support/random_decoder.h"

namespace rerank {

class OutlierTwin : public TransformerWeights {
 public:
  // REQUIRES: norms come before the steps, without biases.
  explicit OutlierTwin(TransformerWeights& original) : original_(original) {
    for (std::int32_t i = 0; i < spec().num_layers; ++i) layers_.push_back(make(original.layer(i)));
  }

  const TransformerSpec& spec() const override { return original_.spec(); }
  DataType type() const override { return DataType::kFloat32; }
  std::string identity() const override { return original_.identity() + " with outliers"; }

  LayerWeights layer(std::int32_t layer) override {
    const Layer& from = layers_[static_cast<std::size_t>(layer)];
    LayerWeights made = original_.layer(layer);
    for (const auto& [role, owned] : from) view_of(made, role) = owned.view();
    return made;
  }
  void release_layer(std::int32_t layer) override { original_.release_layer(layer); }
  TensorView embedding() override { return original_.embedding(); }
  TensorView position_embedding() override { return original_.position_embedding(); }
  TensorView type_embedding() override { return original_.type_embedding(); }
  Norm embedding_norm() override { return original_.embedding_norm(); }
  Norm final_norm() override { return original_.final_norm(); }
  TensorView head_no() override { return original_.head_no(); }
  TensorView head_yes() override { return original_.head_yes(); }
  Linear head_step(std::int32_t step) override { return original_.head_step(step); }

 private:
  enum class Role { kAttentionNorm, kQuery, kKey, kValue, kMlpNorm, kGate, kUp };
  using Layer = std::vector<std::pair<Role, OwnedTensor>>;

  static TensorView& view_of(LayerWeights& layer, Role role) {
    switch (role) {
      case Role::kAttentionNorm:
        return layer.attention_norm.weight;
      case Role::kQuery:
        return layer.query.weight;
      case Role::kKey:
        return layer.key.weight;
      case Role::kValue:
        return layer.value.weight;
      case Role::kMlpNorm:
        return layer.mlp_norm.weight;
      case Role::kGate:
        return layer.gate.weight;
      default:
        return layer.up.weight;
    }
  }

  // Powers of two, so that the products stay the same.
  static float factor_of(std::int64_t channel) {
    return channel % 17 == 3 ? 64.0f : channel % 29 == 11 ? 32.0f : 1.0f;
  }

  Layer make(LayerWeights from) const {
    Layer made;
    const bool has_norm = !from.attention_norm.weight.empty();
    for (const Role role : {Role::kAttentionNorm, Role::kQuery, Role::kKey, Role::kValue, Role::kMlpNorm,
                            Role::kGate, Role::kUp}) {
      const TensorView& view = view_of(from, role);
      const bool is_attention = role < Role::kMlpNorm;
      if (view.empty() || (is_attention && !has_norm)) continue;
      std::vector<float> values(static_cast<std::size_t>(view.num_elements()));
      widen(view, 0, values);
      const bool is_norm = role == Role::kAttentionNorm || role == Role::kMlpNorm;
      const float offset = spec().norm_weight_offset;
      for (std::size_t i = 0; i < values.size(); ++i) {
        const float factor = factor_of(static_cast<std::int64_t>(i) % spec().hidden);
        values[i] = is_norm ? factor * (offset + values[i]) - offset : values[i] / factor;
      }
      made.emplace_back(role, OwnedTensor(DataType::kFloat32, view.shape, values));
    }
    return made;
  }

  TransformerWeights& original_;
  std::vector<Layer> layers_;
};

}  // namespace rerank
