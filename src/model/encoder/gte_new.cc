// GTE's "new" encoder (Alibaba-NLP/new-impl, NewForSequenceClassification): rotary positions, post-norm, a
// gated MLP. Other models use this architecture name too, so it is recognized by keys of its own.
#include <fmt/format.h>

#include <cmath>
#include <string>
#include <utility>

#include "model/encoder/bert.h"
#include "model/encoder/encoders.h"
#include "model/rope_config.h"

namespace rerank {
namespace {

constexpr std::int64_t kMaxTypes = 1 << 10;

void require_this_model(const JsonView& config) {
  for (const char* key : {"pack_qkv", "position_embedding_type", "layer_norm_type"}) {
    if (config.find(key)) continue;
    config.unsupported(
        fmt::format("lacks the key \"{}\": this is another NewForSequenceClassification than that of "
                    "Alibaba-NLP/new-impl, and only that one is supported",
                    key));
  }
  const JsonView packed = config.at("pack_qkv");
  if (!packed.boolean()) packed.unsupported("is false, and only true is supported");
  require_one_of(config, "position_embedding_type", {"rope"});
  require_one_of(config, "layer_norm_type", {"layer_norm"});
  for (const char* key : {"logn_attention_scale", "logn_attention_clip1"})
    config.require_off(key, "not supported");
}

// (base * factor)^(-2i / head_dim) / factor^(2 / head_dim), at every length: the published code builds its
// table for more positions than the model was trained on.
std::vector<float> read_rotation(const JsonView& config, std::int32_t head_dim) {
  const auto scaling = find_rope_scaling(config, "ntk");
  if (!scaling) return rotary_frequencies(head_dim, read_rope_theta(config));
  scaling->require_off("mixed_b", "not supported");
  const double factor = scaling->at("factor").positive();
  std::vector<float> frequencies = rotary_frequencies(head_dim, config.at("rope_theta").positive() * factor);
  const auto divisor = static_cast<float>(std::pow(factor, 2.0 / head_dim));
  for (float& frequency : frequencies) frequency /= divisor;
  return frequencies;
}

TransformerSpec read_spec(const JsonView& config) {
  require_this_model(config);
  TransformerSpec spec = read_encoder_sizes(config, "layer_norm_eps");
  spec.activation = read_activation(config.at("hidden_act"));
  spec.qkv_bias = spec.output_bias = spec.down_bias = true;
  spec.norm_place = NormPlace::kBehind;
  spec.has_final_norm = false;
  spec.rotations = {read_rotation(config, spec.head_dim)};
  spec.num_token_types = config.integer_or("type_vocab_size", 0, 0, kMaxTypes);
  spec.embedding_norm = true;
  return spec;
}

TensorList layer_tensors(const TransformerSpec& spec) {
  TensorList list;
  list.matrix("new.embeddings.word_embeddings", TensorRole::kEmbedding, spec.vocab, spec.hidden);
  if (spec.num_token_types > 0) {
    list.matrix("new.embeddings.token_type_embeddings", TensorRole::kTypeEmbedding, spec.num_token_types,
                spec.hidden);
  }
  list.norm("new.embeddings.LayerNorm", {TensorRole::kEmbeddingNorm, true}, spec.hidden);
  for (std::int32_t layer = 0; layer < spec.num_layers; ++layer) {
    const std::string name = fmt::format("new.encoder.layer.{}.", layer);
    list.stacked(name + "attention.qkv_proj", {TensorRole::kQuery, true, layer},
                 {{TensorRole::kQuery, spec.query_dim()},
                  {TensorRole::kKey, spec.kv_dim()},
                  {TensorRole::kValue, spec.kv_dim()}},
                 spec.hidden);
    list.linear(name + "attention.o_proj", {TensorRole::kOutput, true, layer}, spec.hidden, spec.query_dim());
    list.norm(name + "attn_ln", {TensorRole::kAttentionNorm, true, layer}, spec.hidden);
    // The gate, to which the activation is applied, is the second half.
    list.stacked(name + "mlp.up_gate_proj", {TensorRole::kUp, false, layer},
                 {{TensorRole::kUp, spec.ffn}, {TensorRole::kGate, spec.ffn}}, spec.hidden);
    list.linear(name + "mlp.down_proj", {TensorRole::kDown, true, layer}, spec.hidden, spec.ffn);
    list.norm(name + "mlp_ln", {TensorRole::kMlpNorm, true, layer}, spec.hidden);
  }
  return list;
}

ModelLayout read_layout(const JsonView& config, HeadKind) {
  TransformerSpec spec = read_spec(config);
  TensorList list = layer_tensors(spec);
  add_head(spec, list, {"new.pooler.dense", "classifier"},
           {dense_step(spec.hidden, HeadStep::Activation::kTanh, true),
            dense_step(1, HeadStep::Activation::kNone, true)});
  return {.spec = std::move(spec), .tensors = list.take()};
}

}  // namespace

constinit const Family kGteNew{.name = "GTE",
                               .model_type = "new",
                               .causal = "",
                               .classifier = "NewForSequenceClassification",
                               .plain = "",
                               .read_layout = read_layout,
                               .rerankers = {},
                               .undeclared = tokenizers_pair};

}  // namespace rerank
