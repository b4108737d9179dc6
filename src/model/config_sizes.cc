#include "model/config_sizes.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "text/strict_json.h"

namespace rerank {
namespace {

// Where config.json leaves it out.
std::int32_t read_head_dim(const ConfigReader& fields, const SizeKeys& keys, const TransformerSpec& spec) {
  if (fields.contains("head_dim")) return fields.integer("head_dim", 2, kMaxHeadDim);
  if (keys.head_dim != 0) return keys.head_dim;
  if (spec.hidden % spec.num_heads != 0) {
    fields.refuse("num_attention_heads",
                  fmt::format("is {}, but must divide hidden_size, {}, where head_dim is left out",
                              spec.num_heads, spec.hidden));
  }
  return spec.hidden / spec.num_heads;
}

}  // namespace

TransformerSpec read_sizes(const ConfigReader& fields, const SizeKeys& keys) {
  TransformerSpec spec;
  spec.hidden = fields.integer("hidden_size", 1, kMaxWidth);
  spec.ffn = fields.integer("intermediate_size", 1, kMaxWidth);
  spec.num_layers = fields.integer("num_hidden_layers", 1, kMaxLayers);
  spec.num_heads = fields.integer("num_attention_heads", 1, kMaxHeads);
  spec.num_kv_heads =
      keys.has_kv_heads ? fields.integer("num_key_value_heads", 1, kMaxHeads) : spec.num_heads;
  spec.head_dim = read_head_dim(fields, keys, spec);
  spec.vocab = fields.integer("vocab_size", 1, kMaxVocab);
  spec.max_positions = fields.integer("max_position_embeddings", 1, kMaxPositions);
  spec.norm_eps = static_cast<float>(fields.positive(keys.epsilon));
  if (spec.num_heads % spec.num_kv_heads != 0) {
    fields.refuse("num_attention_heads",
                  fmt::format("is {}, but must be a multiple of num_key_value_heads, {}; download "
                              "the model's config.json again",
                              spec.num_heads, spec.num_kv_heads));
  }
  if (spec.head_dim % 2 != 0) {
    fields.refuse("head_dim", fmt::format("is {}, but must be even; download the model's config.json again",
                                          spec.head_dim));
  }
  if (!(spec.norm_eps > 0) || spec.norm_eps >= 1) {
    fields.refuse(keys.epsilon, "is out of range: must be a small number above 0, such as 1e-06");
  }
  return spec;
}

void require_activation(const ConfigReader& config, std::string_view key,
                        std::initializer_list<std::string_view> names) {
  if (!config.contains(key)) return;
  const std::string_view name = config.text(key);
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  config.unsupported(key, fmt::format("is {}, but only {} is supported in this family", shown_text(name),
                                      fmt::join(names, " or ")));
}

MlpActivation read_activation(const ConfigReader& config, std::string_view key) {
  const std::string_view name = config.text(key);
  if (name == "gelu" || name == "gelu_python") return MlpActivation::kGelu;
  if (name == "gelu_new" || name == "gelu_pytorch_tanh") return MlpActivation::kGeluTanh;
  if (name == "silu" || name == "swish") return MlpActivation::kSilu;
  config.unsupported(
      key, fmt::format("is {}, but only gelu, gelu_new, gelu_pytorch_tanh and silu are", shown_text(name)));
}

void refuse_quantization(const ConfigReader& config) {
  for (const std::string_view key : {"quantization_config", "compression_config"}) {
    if (config.find(key) != nullptr) {
      config.unsupported(key, "is set: quantized checkpoints are not supported; use the bfloat16 original");
    }
  }
}

}  // namespace rerank
