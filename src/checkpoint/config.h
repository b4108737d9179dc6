// What config.json says of a model, checked: only architectures and options that this program computes right.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace rerank {

// The numbers of a Qwen3 decoder (Hugging Face Qwen3Config; the key is given where the name differs).
struct ModelConfig {
  std::string architecture;        // "Qwen3ForCausalLM" or "Qwen3ForSequenceClassification"
  std::int32_t hidden = 0;         // hidden_size
  std::int32_t ffn = 0;            // intermediate_size
  std::int32_t num_layers = 0;     // num_hidden_layers
  std::int32_t num_heads = 0;      // num_attention_heads
  std::int32_t num_kv_heads = 0;   // num_key_value_heads
  std::int32_t head_dim = 0;       // head_dim, else 128 as in Qwen3Config
  std::int32_t vocab = 0;          // vocab_size
  std::int32_t max_positions = 0;  // max_position_embeddings
  float rms_norm_eps = 0;
  double rope_theta = 0;
  bool tied_embeddings = false;  // tie_word_embeddings
};

// Throws Error naming the key and what to do: a key missing or out of range, an architecture that is no
// reranker's, rope scaling, a sliding window, attention biases, an activation other than silu. `name` is for
// the messages.
ModelConfig parse_config(std::string_view json, std::string_view name);

// The config.json of a size that goldens and benchmarks use, nano | odd | 0.6B | 4B | 8B (any case); empty
// for any other name.
std::string published_config(std::string_view size);

}  // namespace rerank
