// ModernBERT (Hugging Face ModernBertForSequenceClassification, and ModernBertModel with modules): a gated
// MLP, rotary positions, and sliding windows, with a rotation of their own, in most layers.
#include <fmt/format.h>

#include <string>
#include <utility>

#include "model/encoder/bert.h"
#include "model/encoder/encoders.h"

namespace rerank {
namespace {

enum class LayerKind { kFull, kSliding };
constexpr std::int32_t kRotationOfFull = 0, kRotationOfSliding = 1;

// From layer_types (Transformers 5) or, if absent, global_attn_every_n_layers.
std::vector<LayerKind> read_layer_kinds(const JsonView& config, std::int32_t num_layers) {
  std::vector<LayerKind> kinds;
  const std::optional<JsonView> types = config.find("layer_types");
  if (!types) {
    const std::int32_t every = config.integer_or("global_attn_every_n_layers", 3, 1, kMaxLayers);
    for (std::int32_t layer = 0; layer < num_layers; ++layer)
      kinds.push_back(layer % every == 0 ? LayerKind::kFull : LayerKind::kSliding);
    return kinds;
  }
  if (types->array().size() != static_cast<std::size_t>(num_layers)) {
    types->refuse(fmt::format("must list a type for each of {} layers", num_layers));
  }
  for (std::size_t i = 0; i < types->array().size(); ++i) {
    const JsonView type = types->element(i);
    const bool is_full = type.string() == "full_attention";
    if (!is_full && type.string() != "sliding_attention") {
      type.unsupported(fmt::format("is {}, but only \"full_attention\" and \"sliding_attention\" are known",
                                   type.quoted()));
    }
    kinds.push_back(is_full ? LayerKind::kFull : LayerKind::kSliding);
  }
  return kinds;
}

// The RoPE base of one kind of layer: from rope_parameters (Transformers 5) or, if absent, the older key.
double read_base(const JsonView& config, std::string_view kind, std::string_view old_name, double otherwise) {
  const std::string_view advice = "rope scaling is not supported; use the model as published, without it";
  config.require_off("rope_scaling", advice);
  const std::optional<JsonView> all = config.find("rope_parameters");
  const std::optional<JsonView> rope = all ? all->find(kind) : std::nullopt;
  if (rope && rope->string_or("rope_type", "default") != "default")
    rope->at("rope_type").unsupported(fmt::format("is not \"default\": {}", advice));
  std::optional<JsonView> base = rope ? rope->find("rope_theta") : std::nullopt;
  if (!base) base = config.find(old_name);
  return base ? base->positive() : otherwise;
}

Pooling read_pooling(const JsonView& config) {
  require_one_of(config, "classifier_pooling", {"cls", "mean"});
  return config.string_or("classifier_pooling", "cls") == "cls" ? Pooling::kFirst : Pooling::kMean;
}

TransformerSpec read_spec(const JsonView& config) {
  TransformerSpec spec = read_encoder_sizes(config, "norm_eps");
  const std::optional<JsonView> activation = config.find("hidden_activation");
  spec.activation = activation ? read_activation(*activation) : MlpActivation::kGelu;
  spec.norm_bias = config.boolean_or("norm_bias", false);
  spec.qkv_bias = spec.output_bias = config.boolean_or("attention_bias", false);
  spec.gate_bias = spec.down_bias = config.boolean_or("mlp_bias", false);
  spec.embedding_norm = true;
  spec.rotations = {
      rotary_frequencies(spec.head_dim, read_base(config, "full_attention", "global_rope_theta", 160000)),
      rotary_frequencies(spec.head_dim, read_base(config, "sliding_attention", "local_rope_theta", 10000))};
  const std::int32_t window = config.integer_or("local_attention", 128, 2, kMaxPositions) / 2;
  for (const LayerKind kind : read_layer_kinds(config, spec.num_layers)) {
    const bool is_full = kind == LayerKind::kFull;
    spec.attention.push_back({.window = is_full ? 0 : window,
                              .rotation = is_full ? kRotationOfFull : kRotationOfSliding,
                              .has_norm = !spec.attention.empty()});
  }
  return spec;
}

// `prefix` is "model.", or empty if the encoder is saved without a head.
TensorList layer_tensors(const TransformerSpec& spec, const std::string& prefix) {
  TensorList list;
  list.matrix(prefix + "embeddings.tok_embeddings", TensorRole::kEmbedding, spec.vocab, spec.hidden);
  list.norm(prefix + "embeddings.norm", {TensorRole::kEmbeddingNorm, spec.norm_bias}, spec.hidden);
  for (std::int32_t layer = 0; layer < spec.num_layers; ++layer) {
    const std::string name = fmt::format("{}layers.{}.", prefix, layer);
    if (spec.attention_of(layer).has_norm) {
      list.norm(name + "attn_norm", {TensorRole::kAttentionNorm, spec.norm_bias, layer}, spec.hidden);
    }
    list.stacked(name + "attn.Wqkv", {TensorRole::kQuery, spec.qkv_bias, layer},
                 {{TensorRole::kQuery, spec.query_dim()},
                  {TensorRole::kKey, spec.kv_dim()},
                  {TensorRole::kValue, spec.kv_dim()}},
                 spec.hidden);
    list.linear(name + "attn.Wo", {TensorRole::kOutput, spec.output_bias, layer}, spec.hidden,
                spec.query_dim());
    list.norm(name + "mlp_norm", {TensorRole::kMlpNorm, spec.norm_bias, layer}, spec.hidden);
    list.stacked(name + "mlp.Wi", {TensorRole::kGate, spec.gate_bias, layer},
                 {{TensorRole::kGate, spec.ffn}, {TensorRole::kUp, spec.ffn}}, spec.hidden);
    list.linear(name + "mlp.Wo", {TensorRole::kDown, spec.down_bias, layer}, spec.hidden, spec.ffn);
  }
  list.norm(prefix + "final_norm", {TensorRole::kFinalNorm, spec.norm_bias}, spec.hidden);
  return list;
}

ModelLayout read_layout(const JsonView& config, HeadKind head) {
  TransformerSpec spec = read_spec(config);
  if (head == HeadKind::kModules) {
    std::vector<ModelTensor> tensors = layer_tensors(spec, "").take();
    return {.spec = std::move(spec), .tensors = std::move(tensors)};
  }
  spec.pooling = read_pooling(config);
  require_one_of(config, "classifier_activation", {"gelu"});
  TensorList list = layer_tensors(spec, "model.");
  add_head(
      spec, list, {"head.dense", "head.norm", "classifier"},
      {dense_step(spec.hidden, HeadStep::Activation::kGelu, config.boolean_or("classifier_bias", false)),
       layer_norm_step(spec.norm_eps, spec.norm_bias), dense_step(1, HeadStep::Activation::kNone, true)});
  return {.spec = std::move(spec), .tensors = list.take()};
}

}  // namespace

constinit const Family kModernBert{.name = "ModernBERT",
                                   .model_type = "modernbert",
                                   .causal = "",
                                   .classifier = "ModernBertForSequenceClassification",
                                   .plain = "ModernBertModel",
                                   .read_layout = read_layout,
                                   .rerankers = {},
                                   .undeclared = tokenizers_pair};

}  // namespace rerank
