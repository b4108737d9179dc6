// Attention's work list and its launcher.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>

#include "backend/cuda/kernels.h"

namespace rerank::cuda {

// Positions [begin, the next run's begin) of a prompt, in consecutive slots of the key/value store, or in
// consecutive rows of the batch.
struct alignas(16) KeyRun {
  std::int32_t begin;
  std::int32_t source;  // the slot or row of position `begin`
  std::int32_t kept;    // 1: a slot, 0: a row
  std::int32_t unused;
};

// Consecutive query rows of one segment.
struct alignas(16) AttentionItem {
  std::int32_t first_row;   // of queries and of the output
  std::int32_t num_tokens;  // at most attention_tokens()
  std::int32_t position;    // of its first token
  std::int32_t first_run;
  std::int32_t num_runs;
  std::int32_t unused[3];
};

struct AttentionArguments {
  const bfloat16* qkv;         // [rows, qkv_stride]: query as projected, key (ready), value
  const bfloat16* store;       // [num_slots, 2, kv_dim] of the layer
  bfloat16* out;               // [rows, query_dim]
  const float* query_norm;     // [head_dim]
  const float2* rotation;      // [max_positions, head_dim / 2] (cos, sin)
  const AttentionItem* items;  // [num_items]
  const KeyRun* runs;
  std::int32_t num_items;
  std::int32_t qkv_stride;
  std::int32_t num_heads;
  std::int32_t num_kv_heads;
  std::int32_t head_dim;  // 32, 64 or 128
  float eps;
  std::int32_t num_processors;  // of the device
};

// Tokens of an item at most: an item is 128 rows of (token, query head of one key head).
constexpr std::int32_t attention_tokens(std::int32_t num_heads, std::int32_t num_kv_heads) {
  return 128 / (num_heads / num_kv_heads);
}

// Once for each device, before the first launch.
void prepare_attention(std::int32_t head_dim);

// RMSNorm and rotary embedding of the queries, then softmax(q k^T / sqrt(head_dim)) v. Keys are walked in
// tiles of 64 absolute positions, so that a row's sums run in one order wherever its keys come from.
void launch_attention(const AttentionArguments& arguments, cudaStream_t stream);

}  // namespace rerank::cuda
