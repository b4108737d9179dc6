// Model shapes for golden tests and benchmarks: the published Qwen3-Reranker sizes and two small ones.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/ascii.h"
#include "model/synthetic/synthetic_checkpoint.h"

namespace rerank {
namespace {

struct PublishedShape {
  std::string_view name;
  int hidden, ffn, num_layers, num_heads, num_kv_heads, head_dim;
  bool tied;
};

constexpr int kVocab = 151669;
constexpr std::array kPublishedShapes = {
    PublishedShape{"nano", 64, 192, 3, 4, 2, 32, true},
    PublishedShape{"odd", 96, 224, 2, 6, 1, 64, false},
    PublishedShape{"0.6b", 1024, 3072, 28, 16, 8, 128, true},
    PublishedShape{"4b", 2560, 9728, 36, 32, 8, 128, true},
    PublishedShape{"8b", 4096, 12288, 36, 32, 8, 128, false},
};

}  // namespace

std::string published_config(std::string_view size) {
  const std::string name = lower_case(size);
  const auto* shape = std::find_if(kPublishedShapes.begin(), kPublishedShapes.end(),
                                   [&](const PublishedShape& candidate) { return candidate.name == name; });
  if (shape == kPublishedShapes.end()) return {};
  return fmt::format(R"({{
  "architectures": ["Qwen3ForCausalLM"],
  "attention_bias": false,
  "attention_dropout": 0.0,
  "bos_token_id": 151643,
  "eos_token_id": 151645,
  "head_dim": {},
  "hidden_act": "silu",
  "hidden_size": {},
  "initializer_range": 0.02,
  "intermediate_size": {},
  "max_position_embeddings": 40960,
  "max_window_layers": 28,
  "model_type": "qwen3",
  "num_attention_heads": {},
  "num_hidden_layers": {},
  "num_key_value_heads": {},
  "rms_norm_eps": 1e-06,
  "rope_scaling": null,
  "rope_theta": 1000000,
  "sliding_window": null,
  "tie_word_embeddings": {},
  "torch_dtype": "bfloat16",
  "use_cache": true,
  "use_sliding_window": false,
  "vocab_size": {}
}}
)",
                     shape->head_dim, shape->hidden, shape->ffn, shape->num_heads, shape->num_layers,
                     shape->num_kv_heads, shape->tied, kVocab);
}

}  // namespace rerank
