// The work list of attention, created by BatchLayout and processed by kernels.
#pragma once

#include <cstddef>
#include <cstdint>

#ifdef __CUDACC__
#define RERANK_BOTH_SIDES __host__ __device__
#else
#define RERANK_BOTH_SIDES
#endif

namespace rerank::cuda {

// Positions [begin, begin of the next run) of a prompt, in consecutive slots of the key/value store or in
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
  std::int32_t position;    // of the first token
  std::int32_t first_run;
  std::int32_t num_runs;
  std::int32_t num_keys;  // to attend to: up to the last token's own, or all of the prompt
  std::int32_t unused[2];
};

struct AttentionShape {
  std::int32_t num_heads;
  std::int32_t num_kv_heads;
  std::int32_t head_dim;  // 32, 64 or 128

  RERANK_BOTH_SIDES std::int32_t query_dim() const { return num_heads * head_dim; }
  RERANK_BOTH_SIDES std::int32_t kv_dim() const { return num_kv_heads * head_dim; }
};

// A piece of work, encoded in one number: an item and a key head; there are fewer than 256 key heads.
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

// The maximum number of tokens of an item: an item is 128 rows of (token, query head of one key head).
constexpr std::int32_t attention_tokens(std::int32_t num_heads, std::int32_t num_kv_heads) {
  return 128 / (num_heads / num_kv_heads);
}

// Kernels may read this many bytes past the end of qkv.
inline constexpr std::size_t kAttentionOverread = 128;

}  // namespace rerank::cuda
