#include "model/config_sizes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace rerank {
namespace {

// Where config.json leaves it out.
std::int32_t read_head_dim(const JsonView& fields, const SizeKeys& keys, const TransformerSpec& spec) {
  if (const auto head_dim = fields.find("head_dim")) return head_dim->integer(2, kMaxHeadDim);
  if (keys.head_dim != 0) return keys.head_dim;
  if (spec.hidden % spec.num_heads != 0) {
    fields.at("num_attention_heads")
        .refuse(fmt::format("is {}, but must divide hidden_size, {}, where head_dim is left out",
                            spec.num_heads, spec.hidden));
  }
  return spec.hidden / spec.num_heads;
}

}  // namespace

TransformerSpec read_sizes(const JsonView& fields, const SizeKeys& keys) {
  TransformerSpec spec;
  spec.hidden = fields.at("hidden_size").integer(1, kMaxWidth);
  spec.ffn = fields.at("intermediate_size").integer(1, kMaxWidth);
  spec.num_layers = fields.at("num_hidden_layers").integer(1, kMaxLayers);
  spec.num_heads = fields.at("num_attention_heads").integer(1, kMaxHeads);
  spec.num_kv_heads =
      keys.has_kv_heads ? fields.at("num_key_value_heads").integer(1, kMaxHeads) : spec.num_heads;
  spec.head_dim = read_head_dim(fields, keys, spec);
  spec.vocab = fields.at("vocab_size").integer(1, kMaxVocab);
  spec.max_positions = fields.at("max_position_embeddings").integer(1, kMaxPositions);
  spec.norm_eps = static_cast<float>(fields.at(keys.epsilon).positive());
  if (spec.num_heads % spec.num_kv_heads != 0) {
    fields.at("num_attention_heads")
        .refuse(fmt::format("is {}, but must be a multiple of num_key_value_heads, {}", spec.num_heads,
                            spec.num_kv_heads));
  }
  if (spec.head_dim % 2 != 0) {
    fields.refuse(fmt::format("asks for heads of {} numbers; head_dim must be even", spec.head_dim));
  }
  if (!(spec.norm_eps > 0) || spec.norm_eps >= 1) {
    fields.at(keys.epsilon).refuse("is out of range: must be a small number above 0, such as 1e-06");
  }
  return spec;
}

void require_one_of(const JsonView& config, std::string_view key,
                    std::initializer_list<std::string_view> names) {
  const std::optional<JsonView> name = config.find(key);
  if (!name || std::find(names.begin(), names.end(), name->string()) != names.end()) return;
  name->unsupported(fmt::format("is {}, but only {} is supported in this family", name->quoted(),
                                fmt::join(names, " or ")));
}

MlpActivation read_activation(const JsonView& config) {
  const std::string_view name = config.string();
  if (name == "gelu" || name == "gelu_python") return MlpActivation::kGelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") return MlpActivation::kGeluTanh;
  if (name == "silu" || name == "swish") return MlpActivation::kSilu;
  config.unsupported(
      fmt::format("is {}, but only gelu, gelu_new, gelu_pytorch_tanh and silu are", config.quoted()));
}

void refuse_quantization(const JsonView& config) {
  for (const std::string_view key : {"quantization_config", "compression_config"})
    config.require_off(key, "quantized checkpoints are not supported; use the bfloat16 original");
}

}  // namespace rerank
