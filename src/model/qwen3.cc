#include "model/qwen3.h"

#include <fmt/format.h>

#include <string_view>

#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::string_view kLayerTensors[] = {
    "input_layernorm.weight",  "self_attn.q_proj.weight",
    "self_attn.k_proj.weight", "self_attn.v_proj.weight",
    "self_attn.o_proj.weight", "self_attn.q_norm.weight",
    "self_attn.k_norm.weight", "post_attention_layernorm.weight",
    "mlp.gate_proj.weight",    "mlp.up_proj.weight",
    "mlp.down_proj.weight",
};

constexpr std::string_view kEmbedding = "model.embed_tokens.weight";

std::string layer_tensor(std::int32_t layer, std::string_view name) {
  return fmt::format("model.layers.{}.{}", layer, name);
}

class Qwen3Weights final : public TransformerWeights {
 public:
  Qwen3Weights(std::shared_ptr<Checkpoint> checkpoint, AnswerTokens answers, std::int32_t max_positions)
      : checkpoint_(std::move(checkpoint)), answers_(answers) {
    const ModelConfig& config = checkpoint_->config();
    spec_ = {.hidden = config.hidden,
             .ffn = config.ffn,
             .num_layers = config.num_layers,
             .num_heads = config.num_heads,
             .num_kv_heads = config.num_kv_heads,
             .head_dim = config.head_dim,
             .vocab = config.vocab,
             .max_positions = max_positions,
             .norm_eps = config.rms_norm_eps,
             .rope_theta = config.rope_theta};
    if (!needs_answer_tokens(*checkpoint_)) return;
    check(answers.no >= 0 && answers.no < config.vocab && answers.yes >= 0 && answers.yes < config.vocab,
          "the answers' ids are outside the vocabulary");
  }

  const TransformerSpec& spec() const override { return spec_; }
  DataType type() const override { return matrix_type(*checkpoint_); }
  std::string identity() const override {
    return fmt::format("{} no {} yes {}", checkpoint_->identity(), answers_.no, answers_.yes);
  }

  LayerWeights layer(std::int32_t layer) override {
    const auto tensor = [&](std::string_view name) { return checkpoint_->tensor(layer_tensor(layer, name)); };
    const auto linear = [&](std::string_view name) { return Linear{.weight = tensor(name), .bias = {}}; };
    return {.attention_norm = tensor("input_layernorm.weight"),
            .query = linear("self_attn.q_proj.weight"),
            .key = linear("self_attn.k_proj.weight"),
            .value = linear("self_attn.v_proj.weight"),
            .output = linear("self_attn.o_proj.weight"),
            .query_norm = tensor("self_attn.q_norm.weight"),
            .key_norm = tensor("self_attn.k_norm.weight"),
            .mlp_norm = tensor("post_attention_layernorm.weight"),
            .gate = linear("mlp.gate_proj.weight"),
            .up = linear("mlp.up_proj.weight"),
            .down = linear("mlp.down_proj.weight")};
  }
  void release_layer(std::int32_t layer) override {
    for (const std::string_view name : kLayerTensors) checkpoint_->release(layer_tensor(layer, name));
  }
  TensorView embedding() override { return checkpoint_->tensor(kEmbedding); }
  DataType embedding_type() override {
    return checkpoint_->tensors()[checkpoint_->index_of(kEmbedding)].type;
  }
  TensorView final_norm() override { return checkpoint_->tensor("model.norm.weight"); }
  TensorView head_no() override {
    return needs_answer_tokens(*checkpoint_) ? head_matrix().row(answers_.no) : TensorView{};
  }
  TensorView head_yes() override {
    return needs_answer_tokens(*checkpoint_) ? head_matrix().row(answers_.yes)
                                             : checkpoint_->tensor("score.weight").row(0);
  }

  void release() { checkpoint_.reset(); }

 private:
  TensorView head_matrix() {
    return checkpoint_->config().tied_embeddings ? embedding() : checkpoint_->tensor("lm_head.weight");
  }

  std::shared_ptr<Checkpoint> checkpoint_;
  AnswerTokens answers_;
  TransformerSpec spec_;
};

class Qwen3 final : public Model {
 public:
  Qwen3(std::shared_ptr<Checkpoint> checkpoint, AnswerTokens answers, std::int32_t max_positions)
      : weights_(std::move(checkpoint), answers, max_positions) {}

  TransformerWeights& weights() override { return weights_; }
  void release_weights() override { weights_.release(); }

  // Qwen3Model of Hugging Face Transformers, layer by layer.
  void forward(Backend& backend) const override {
    const std::int32_t last = weights_.spec().num_layers - 1;
    backend.embed();
    for (std::int32_t layer = 0; layer < last; ++layer) {
      backend.qkv(layer, Projection::kQueryKeyValue);
      finish_layer(backend, layer);
    }
    // The last layer's keys and values are needed of every token, all else of the scored ones only.
    backend.qkv(last, Projection::kKeyValue);
    backend.pool();
    backend.qkv(last, Projection::kQuery);
    finish_layer(backend, last);
    backend.head();
  }

 private:
  static void finish_layer(Backend& backend, std::int32_t layer) {
    backend.attention(layer);
    backend.attention_output(layer);
    backend.mlp_in(layer);
    backend.mlp_out(layer);
  }

  Qwen3Weights weights_;
};

}  // namespace

std::unique_ptr<Model> create_qwen3(std::shared_ptr<Checkpoint> checkpoint, AnswerTokens answers,
                                    std::int32_t max_positions) {
  return std::make_unique<Qwen3>(std::move(checkpoint), answers, max_positions);
}

}  // namespace rerank
