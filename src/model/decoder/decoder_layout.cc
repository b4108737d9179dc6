#include "model/decoder/decoder_layout.h"

#include <fmt/format.h>

#include <string>
#include <utility>

#include "model/tensor_list.h"

namespace rerank {
namespace {

void add_layer(const TransformerSpec& spec, std::int32_t layer, TensorList& list) {
  const std::string name = fmt::format("model.layers.{}.", layer);
  const auto linear = [&](const char* part, TensorRole role, bool has_bias, std::int64_t outputs,
                          std::int64_t inputs) {
    list.linear(name + part, {role, has_bias, layer}, outputs, inputs);
  };
  const auto norm = [&](const char* part, TensorRole role, std::int64_t size) {
    list.norm(name + part, {.role = role, .layer = layer}, size);
  };
  norm("input_layernorm", TensorRole::kAttentionNorm, spec.hidden);
  linear("self_attn.q_proj", TensorRole::kQuery, spec.qkv_bias, spec.query_dim(), spec.hidden);
  linear("self_attn.k_proj", TensorRole::kKey, spec.qkv_bias, spec.kv_dim(), spec.hidden);
  linear("self_attn.v_proj", TensorRole::kValue, spec.qkv_bias, spec.kv_dim(), spec.hidden);
  linear("self_attn.o_proj", TensorRole::kOutput, spec.output_bias, spec.hidden, spec.query_dim());
  if (spec.qk_norm) {
    norm("self_attn.q_norm", TensorRole::kQueryNorm, spec.head_dim);
    norm("self_attn.k_norm", TensorRole::kKeyNorm, spec.head_dim);
  }
  norm("post_attention_layernorm", TensorRole::kMlpNorm, spec.hidden);
  linear("mlp.gate_proj", TensorRole::kGate, spec.gate_bias, spec.ffn, spec.hidden);
  linear("mlp.up_proj", TensorRole::kUp, spec.gate_bias, spec.ffn, spec.hidden);
  linear("mlp.down_proj", TensorRole::kDown, spec.down_bias, spec.hidden, spec.ffn);
}

}  // namespace

ModelLayout decoder_layout(DecoderConfig config, HeadKind head) {
  const TransformerSpec& spec = config.spec;
  TensorList list;
  list.matrix("model.embed_tokens", TensorRole::kEmbedding, spec.vocab, spec.hidden);
  for (std::int32_t layer = 0; layer < spec.num_layers; ++layer) add_layer(spec, layer, list);
  list.norm("model.norm", {.role = TensorRole::kFinalNorm}, spec.hidden);
  if (!spec.head.empty()) {
    list.head_step("score", spec.head.front(), 0, spec.hidden);
  } else if (head == HeadKind::kClassification) {
    list.matrix("score", TensorRole::kHead, 1, spec.hidden);
  } else if (!config.tied_embeddings) {
    list.matrix("lm_head", TensorRole::kHead, spec.vocab, spec.hidden);
  }
  return {.spec = std::move(config.spec), .tensors = list.take()};
}

}  // namespace rerank
