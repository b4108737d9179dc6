// RoBERTa and XLM-RoBERTa (Hugging Face RobertaForSequenceClassification and
// XLMRobertaForSequenceClassification): BERT's layers, with positions that begin after the padding id, and
// another head.
#include <fmt/format.h>

#include <string>
#include <utility>

#include "model/encoder/bert.h"
#include "model/encoder/encoders.h"

namespace rerank {
namespace {

// jina-reranker-v2 and its kin: the same layers under the names of their own implementation.
bool has_flash_names(const JsonView& config) {
  const std::optional<JsonView> map = config.find("auto_map");
  return map && map->is_object() && map->string_or("AutoConfig", "").ends_with(".XLMRobertaFlashConfig");
}

TensorList flash_layer_tensors(const TransformerSpec& spec, const std::string& prefix) {
  TensorList list;
  const std::int64_t hidden = spec.hidden;
  const std::string embeddings = prefix + "embeddings.";
  list.matrix(embeddings + "word_embeddings", TensorRole::kEmbedding, spec.vocab, hidden);
  list.matrix(embeddings + "position_embeddings", TensorRole::kPositionEmbedding, spec.num_position_rows,
              hidden);
  list.matrix(embeddings + "token_type_embeddings", TensorRole::kTypeEmbedding, spec.num_token_types, hidden);
  list.norm(prefix + "emb_ln", {TensorRole::kEmbeddingNorm, true}, hidden);
  for (std::int32_t layer = 0; layer < spec.num_layers; ++layer) {
    const std::string name = fmt::format("{}encoder.layers.{}.", prefix, layer);
    list.stacked(name + "mixer.Wqkv", {TensorRole::kQuery, true, layer},
                 {{TensorRole::kQuery, spec.query_dim()},
                  {TensorRole::kKey, spec.kv_dim()},
                  {TensorRole::kValue, spec.kv_dim()}},
                 hidden);
    list.linear(name + "mixer.out_proj", {TensorRole::kOutput, true, layer}, hidden, spec.query_dim());
    list.norm(name + "norm1", {TensorRole::kAttentionNorm, true, layer}, hidden);
    list.linear(name + "mlp.fc1", {TensorRole::kGate, true, layer}, spec.ffn, hidden);
    list.linear(name + "mlp.fc2", {TensorRole::kDown, true, layer}, hidden, spec.ffn);
    list.norm(name + "norm2", {TensorRole::kMlpNorm, true, layer}, hidden);
  }
  return list;
}

ModelLayout read_layout(const JsonView& config, HeadKind head) {
  TransformerSpec spec = read_bert_layers(config);
  spec.position_pad_id = config.integer_or("pad_token_id", 1, 0, spec.vocab - 1);
  spec.position_offset = spec.position_pad_id + 1;
  if (spec.position_offset >= spec.num_position_rows) {
    config.at("max_position_embeddings").refuse("leaves no position behind pad_token_id's");
  }
  spec.max_positions -= spec.position_offset;
  const bool has_head = head == HeadKind::kClassification;
  const std::string prefix = has_head ? "roberta." : "";
  TensorList list =
      has_flash_names(config) ? flash_layer_tensors(spec, prefix) : bert_layer_tensors(spec, prefix);
  if (has_head) {
    add_head(spec, list, {"classifier.dense", "classifier.out_proj"},
             {dense_step(spec.hidden, HeadStep::Activation::kTanh, true),
              dense_step(1, HeadStep::Activation::kNone, true)});
  }
  return {.spec = std::move(spec), .tensors = list.take()};
}

}  // namespace

constinit const Family kRoberta{.name = "RoBERTa",
                                .model_type = "roberta",
                                .causal = "",
                                .classifier = "RobertaForSequenceClassification",
                                .plain = "RobertaModel",
                                .read_layout = read_layout,
                                .rerankers = {},
                                .undeclared = tokenizers_pair};

constinit const Family kXlmRoberta{.name = "XLM-RoBERTa",
                                   .model_type = "xlm-roberta",
                                   .causal = "",
                                   .classifier = "XLMRobertaForSequenceClassification",
                                   .plain = "XLMRobertaModel",
                                   .read_layout = read_layout,
                                   .rerankers = {},
                                   .undeclared = tokenizers_pair};

}  // namespace rerank
