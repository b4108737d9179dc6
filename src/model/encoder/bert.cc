// BERT (Hugging Face BertForSequenceClassification): the MiniLM cross-encoders.
#include "model/encoder/bert.h"

#include <fmt/format.h>

#include <utility>

#include "model/encoder/encoders.h"

namespace rerank {
namespace {

constexpr std::int64_t kMaxTypes = 1 << 10;

void add_layer(const TransformerSpec& spec, const std::string& name, std::int32_t layer, TensorList& list) {
  const auto linear = [&](const char* part, TensorRole role, std::int64_t outputs, std::int64_t inputs) {
    list.linear(name + part, {role, true, layer}, outputs, inputs);
  };
  for (const auto& [part, role] : {std::pair{"attention.self.query", TensorRole::kQuery},
                                   {"attention.self.key", TensorRole::kKey},
                                   {"attention.self.value", TensorRole::kValue}}) {
    linear(part, role, spec.query_dim(), spec.hidden);
  }
  linear("attention.output.dense", TensorRole::kOutput, spec.hidden, spec.query_dim());
  list.norm(name + "attention.output.LayerNorm", {TensorRole::kAttentionNorm, true, layer}, spec.hidden);
  linear("intermediate.dense", TensorRole::kGate, spec.ffn, spec.hidden);
  linear("output.dense", TensorRole::kDown, spec.hidden, spec.ffn);
  list.norm(name + "output.LayerNorm", {TensorRole::kMlpNorm, true, layer}, spec.hidden);
}

ModelLayout read_layout(const JsonView& config, HeadKind head) {
  TransformerSpec spec = read_bert_layers(config);
  const bool has_head = head == HeadKind::kClassification;
  TensorList list = bert_layer_tensors(spec, has_head ? "bert." : "");
  if (has_head) {
    add_head(spec, list, {"bert.pooler.dense", "classifier"},
             {dense_step(spec.hidden, HeadStep::Activation::kTanh, true),
              dense_step(1, HeadStep::Activation::kNone, true)});
  }
  return {.spec = std::move(spec), .tensors = list.take()};
}

}  // namespace

TransformerSpec read_bert_layers(const JsonView& config) {
  TransformerSpec spec = read_encoder_sizes(config, "layer_norm_eps");
  require_one_of(config, "position_embedding_type", {"absolute"});
  spec.activation = read_activation(config.at("hidden_act"));
  spec.qkv_bias = spec.output_bias = spec.gate_bias = spec.down_bias = true;
  spec.norm_place = NormPlace::kBehind;
  spec.has_final_norm = false;
  spec.gated = false;
  spec.attention.assign(static_cast<std::size_t>(spec.num_layers), {.rotation = kNoRotation});
  spec.num_position_rows = spec.max_positions;
  spec.num_token_types = config.at("type_vocab_size").integer(1, kMaxTypes);
  spec.embedding_norm = true;
  return spec;
}

TensorList bert_layer_tensors(const TransformerSpec& spec, const std::string& prefix) {
  TensorList list;
  const std::string embeddings = prefix + "embeddings.";
  list.matrix(embeddings + "word_embeddings", TensorRole::kEmbedding, spec.vocab, spec.hidden);
  list.matrix(embeddings + "position_embeddings", TensorRole::kPositionEmbedding, spec.num_position_rows,
              spec.hidden);
  list.matrix(embeddings + "token_type_embeddings", TensorRole::kTypeEmbedding, spec.num_token_types,
              spec.hidden);
  list.norm(embeddings + "LayerNorm", {TensorRole::kEmbeddingNorm, true}, spec.hidden);
  for (std::int32_t layer = 0; layer < spec.num_layers; ++layer)
    add_layer(spec, fmt::format("{}encoder.layer.{}.", prefix, layer), layer, list);
  return list;
}

void add_head(TransformerSpec& spec, TensorList& list, std::initializer_list<const char*> names,
              std::initializer_list<HeadStep> steps) {
  const char* const* name = names.begin();
  for (const HeadStep& step : steps) {
    list.head_step(*name++, step, static_cast<std::int32_t>(spec.head.size()), spec.hidden);
    spec.head.push_back(step);
  }
}

constinit const Family kBert{.name = "BERT",
                             .model_type = "bert",
                             .causal = "",
                             .classifier = "BertForSequenceClassification",
                             .plain = "BertModel",
                             .read_layout = read_layout,
                             .rerankers = {},
                             .undeclared = tokenizers_pair};

}  // namespace rerank
