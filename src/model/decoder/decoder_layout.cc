#include "model/decoder/decoder_tensors.h"

#include <fmt/format.h>

namespace rerank {
namespace {

void add_layer(const TransformerSpec& spec, std::int32_t layer, std::vector<ModelTensor>& tensors) {
  const std::int64_t hidden = spec.hidden, ffn = spec.ffn, query = spec.query_dim(), kv = spec.kv_dim();
  const auto add = [&](const char* name, std::vector<std::int64_t> shape, TensorRole role) {
    tensors.push_back({fmt::format("model.layers.{}.{}", layer, name), std::move(shape), role, layer});
  };
  add("input_layernorm.weight", {hidden}, TensorRole::kAttentionNorm);
  add("self_attn.q_proj.weight", {query, hidden}, TensorRole::kQuery);
  add("self_attn.k_proj.weight", {kv, hidden}, TensorRole::kKey);
  add("self_attn.v_proj.weight", {kv, hidden}, TensorRole::kValue);
  if (spec.qkv_bias) {
    add("self_attn.q_proj.bias", {query}, TensorRole::kQueryBias);
    add("self_attn.k_proj.bias", {kv}, TensorRole::kKeyBias);
    add("self_attn.v_proj.bias", {kv}, TensorRole::kValueBias);
  }
  add("self_attn.o_proj.weight", {hidden, query}, TensorRole::kOutput);
  if (spec.qk_norm) {
    add("self_attn.q_norm.weight", {spec.head_dim}, TensorRole::kQueryNorm);
    add("self_attn.k_norm.weight", {spec.head_dim}, TensorRole::kKeyNorm);
  }
  add("post_attention_layernorm.weight", {hidden}, TensorRole::kMlpNorm);
  add("mlp.gate_proj.weight", {ffn, hidden}, TensorRole::kGate);
  add("mlp.up_proj.weight", {ffn, hidden}, TensorRole::kUp);
  add("mlp.down_proj.weight", {hidden, ffn}, TensorRole::kDown);
}

}  // namespace

std::vector<ModelTensor> decoder_tensors(const DecoderConfig& config, DecoderHead head) {
  const TransformerSpec& spec = config.spec;
  const std::int64_t hidden = spec.hidden;
  std::vector<ModelTensor> tensors;
  tensors.push_back({"model.embed_tokens.weight", {spec.vocab, hidden}, TensorRole::kEmbedding});
  for (std::int32_t layer = 0; layer < spec.num_layers; ++layer) add_layer(spec, layer, tensors);
  tensors.push_back({"model.norm.weight", {hidden}, TensorRole::kFinalNorm});
  if (head == DecoderHead::kClassification) {
    tensors.push_back({"score.weight", {1, hidden}, TensorRole::kHead});
  } else if (head == DecoderHead::kVocabulary && !config.tied_embeddings) {
    tensors.push_back({"lm_head.weight", {spec.vocab, hidden}, TensorRole::kHead});
  }
  return tensors;
}

}  // namespace rerank
