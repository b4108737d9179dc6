// The keys of config.json that all families have in common.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <string_view>

#include "backend/transformer.h"
#include "text/json_view.h"

namespace rerank {

// Far above any published model, but low enough that no product of two overflows 64 bits.
inline constexpr std::int64_t kMaxWidth = 1 << 18;
inline constexpr std::int64_t kMaxLayers = 1 << 12;
inline constexpr std::int64_t kMaxHeads = 1 << 12;
inline constexpr std::int64_t kMaxHeadDim = 1 << 10;
inline constexpr std::int64_t kMaxVocab = 1 << 24;
inline constexpr std::int64_t kMaxPositions = 1 << 28;

struct SizeKeys {
  std::string_view epsilon;   // the key of the norms' epsilon
  bool has_kv_heads = false;  // whether num_key_value_heads exists
  std::int32_t head_dim = 0;  // default; 0: hidden_size / num_attention_heads
};

// Sizes and the norms' epsilon; max_positions is max_position_embeddings. Throws Error naming the key and
// what to do: a key missing or out of range.
TransformerSpec read_sizes(const JsonView& config, const SizeKeys& keys);

// Throws Error naming the key unless it is left out or one of `names`.
void require_one_of(const JsonView& config, std::string_view key,
                    std::initializer_list<std::string_view> names);

// The activation that Hugging Face's ACT2FN has under this name. Throws Error naming the key.
MlpActivation read_activation(const JsonView& name);

void refuse_quantization(const JsonView& config);

}  // namespace rerank
