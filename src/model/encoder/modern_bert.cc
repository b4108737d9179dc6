// ModernBERT (Hugging Face ModernBertForSequenceClassification, and ModernBertModel with modules): a gated
// MLP, rotary positions, and windows in all but every third layer or so, which have a rotation of their own.
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <string>
#include <utility>

#include "model/encoder/bert.h"
#include "model/encoder/encoders.h"
#include "text/strict_json.h"

namespace rerank {
namespace {

enum class LayerKind { kFull, kSliding };
constexpr std::int32_t kRotationOfFull = 0, kRotationOfSliding = 1;

// layer_types (Transformers 5), else global_attn_every_n_layers.
std::vector<LayerKind> read_layer_kinds(const ConfigReader& config, std::int32_t num_layers) {
  std::vector<LayerKind> kinds;
  if (!config.contains("layer_types")) {
    const std::int32_t every = config.contains("global_attn_every_n_layers")
                                   ? config.integer("global_attn_every_n_layers", 1, kMaxLayers)
                                   : 3;
    for (std::int32_t layer = 0; layer < num_layers; ++layer)
      kinds.push_back(layer % every == 0 ? LayerKind::kFull : LayerKind::kSliding);
    return kinds;
  }
  const boost::json::array* types = config.get("layer_types").if_array();
  if (types == nullptr || types->size() != static_cast<std::size_t>(num_layers)) {
    config.refuse("layer_types", fmt::format("must list a type for each of {} layers", num_layers));
  }
  for (const boost::json::value& type : *types) {
    if (type == "full_attention" || type == "sliding_attention") {
      kinds.push_back(type == "full_attention" ? LayerKind::kFull : LayerKind::kSliding);
    } else {
      config.unsupported(
          "layer_types",
          fmt::format("has {}, but only \"full_attention\" and \"sliding_attention\" are known",
                      shown_text(type)));
    }
  }
  return kinds;
}

// The base of one kind of layers: in rope_parameters (Transformers 5), else under its old name.
double read_base(const ConfigReader& config, std::string_view kind, std::string_view old_name,
                 double otherwise) {
  if (config.contains("rope_scaling")) {
    config.unsupported("rope_scaling",
                       "is set: rope scaling is not supported; use the model as published, without it");
  }
  if (config.contains("rope_parameters")) {
    if (!config.get("rope_parameters").is_object()) config.refuse("rope_parameters", "must be an object");
    const ConfigReader all = config.inner("rope_parameters");
    if (all.contains(kind)) {
      if (!all.get(kind).is_object()) all.refuse(kind, "must be an object");
      const ConfigReader rope = all.inner(kind);
      if (rope.contains("rope_type") && rope.text("rope_type") != "default") {
        rope.unsupported("rope_type",
                         "is not \"default\": rope scaling is not supported; use the model as "
                         "published, without it");
      }
      if (rope.contains("rope_theta")) return rope.positive("rope_theta");
    }
  }
  return config.contains(old_name) ? config.positive(old_name) : otherwise;
}

Pooling read_pooling(const ConfigReader& config) {
  const std::string_view name =
      config.contains("classifier_pooling") ? config.text("classifier_pooling") : "cls";
  if (name == "cls") return Pooling::kFirst;
  if (name == "mean") return Pooling::kMean;
  config.unsupported("classifier_pooling",
                     fmt::format("is {}, but only \"cls\" and \"mean\" are known", shown_text(name)));
}

TransformerSpec read_spec(const ConfigReader& config) {
  TransformerSpec spec = read_encoder_sizes(config, "norm_eps");
  const std::string_view activation = "hidden_activation";
  spec.activation = config.contains(activation) ? read_activation(config, activation) : MlpActivation::kGelu;
  spec.norm_bias = config.flag("norm_bias", false);
  spec.qkv_bias = spec.output_bias = config.flag("attention_bias", false);
  spec.gate_bias = spec.down_bias = config.flag("mlp_bias", false);
  spec.embedding_norm = true;
  spec.rotations = {
      rotary_frequencies(spec.head_dim, read_base(config, "full_attention", "global_rope_theta", 160000)),
      rotary_frequencies(spec.head_dim, read_base(config, "sliding_attention", "local_rope_theta", 10000))};
  const std::int32_t window =
      (config.contains("local_attention") ? config.integer("local_attention", 2, kMaxPositions) : 128) / 2;
  for (const LayerKind kind : read_layer_kinds(config, spec.num_layers)) {
    const bool is_full = kind == LayerKind::kFull;
    spec.attention.push_back({.window = is_full ? 0 : window,
                              .rotation = is_full ? kRotationOfFull : kRotationOfSliding,
                              .has_norm = !spec.attention.empty()});
  }
  return spec;
}

// `prefix`: "model.", or nothing where the encoder is saved alone.
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

ModelLayout read_layout(const ConfigReader& config, HeadKind head) {
  TransformerSpec spec = read_spec(config);
  if (head == HeadKind::kModules) {
    std::vector<ModelTensor> tensors = layer_tensors(spec, "").take();
    return {.spec = std::move(spec), .tensors = std::move(tensors)};
  }
  spec.pooling = read_pooling(config);
  require_activation(config, "classifier_activation", {"gelu"});
  TensorList list = layer_tensors(spec, "model.");
  add_head(
      spec, list, {"head.dense", "head.norm", "classifier"},
      {dense_step(spec.hidden, HeadStep::Activation::kGelu, config.flag("classifier_bias", false)),
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
