// Attention's work list and its launcher.
#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>

#include "backend/cuda/kernels.h"

#ifdef __CUDACC__
#define RERANK_BOTH_SIDES __host__ __device__
#else
#define RERANK_BOTH_SIDES
#endif

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

// Views of the tensors that attention reads, for the copy engine: boxes of 64 columns and 1, 2, 4, ... 128
// rows.
struct AttentionViews {
  static constexpr int kBoxes = 8;
  CUtensorMap rows[kBoxes];   // of qkv
  CUtensorMap slots[kBoxes];  // of the store: keys and values of a slot are a row
  CUtensorMap queries;        // of qkv: all query heads of a key head, attention_tokens() rows
};

struct AttentionShape {
  std::int32_t num_heads;
  std::int32_t num_kv_heads;
  std::int32_t head_dim;  // 32, 64 or 128

  RERANK_BOTH_SIDES std::int32_t query_dim() const { return num_heads * head_dim; }
  RERANK_BOTH_SIDES std::int32_t kv_dim() const { return num_kv_heads * head_dim; }
};

// A piece of work as one number: an item and a key head, of fewer than 256.
inline constexpr std::int32_t kNoAttentionPiece = -1;
RERANK_BOTH_SIDES constexpr std::int32_t attention_piece(std::int32_t item, std::int32_t kv_head) {
  return item << 8 | kv_head;
}
RERANK_BOTH_SIDES constexpr std::int32_t item_of_piece(std::int32_t piece) {
  return piece >> 8;
}
RERANK_BOTH_SIDES constexpr std::int32_t kv_head_of_piece(std::int32_t piece) {
  return piece & 0xff;
}

struct AttentionArguments {
  AttentionViews views;
  AttentionShape shape;
  ActivationRows out;  // [rows, query_dim]
  const AttentionItem* items;
  const KeyRun* runs;
  const std::int32_t* pieces;  // [num_turns, num_blocks]; see AttentionPieces
  std::int32_t num_turns;
  std::int32_t num_blocks;
  std::int32_t first_slot;  // of the layer in the store
};

// Tokens of an item at most: an item is 128 rows of (token, query head of one key head).
constexpr std::int32_t attention_tokens(std::int32_t num_heads, std::int32_t num_kv_heads) {
  return 128 / (num_heads / num_kv_heads);
}

// Once for each device, before the first launch.
void prepare_attention(std::int32_t head_dim);

// Bytes that may be read behind qkv.
inline constexpr std::size_t kAttentionOverread = 128;

// For launches on the current device. `qkv` is [num_rows, query, key, value] and `store`
// is [num_slots, key and value].
AttentionViews make_attention_views(const AttentionShape& shape, DeviceBFloat16* qkv, std::int64_t num_rows,
                                    DeviceBFloat16* store, std::int64_t num_slots);

// out = softmax(q k^T / sqrt(head_dim)) v. Keys are walked in tiles of 128 absolute positions, so that a
// row's sums run in one order wherever its keys come from.
void launch_attention(const AttentionArguments& arguments, cudaStream_t stream);

}  // namespace rerank::cuda
