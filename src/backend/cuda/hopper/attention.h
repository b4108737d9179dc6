// Attention on Hopper, and its view of what it reads.
#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstdint>

#include "backend/cuda/kernel_set.h"

namespace rerank::cuda {

// Views of the tensors that attention reads, for the copy engine: boxes of 64 columns and 1, 2, 4, ... 128
// rows.
struct AttentionViews {
  static constexpr int kBoxes = 8;
  CUtensorMap rows[kBoxes];   // of qkv
  CUtensorMap slots[kBoxes];  // of the store: keys and values of a slot are a row
  CUtensorMap queries;        // of qkv: all query heads of a key head, attention_tokens() rows
};

struct HopperAttention : AttentionArguments {
  AttentionViews views;
};

// Once for each device, before the first launch.
void prepare_attention(std::int32_t head_dim, bool is_causal);

// For launches on the current device. `qkv` is [num_rows, query, key, value] and `store`
// is [num_slots, key and value].
AttentionViews make_attention_views(const AttentionShape& shape, DeviceBFloat16* qkv, std::int64_t num_rows,
                                    DeviceBFloat16* store, std::int64_t num_slots);

// out = softmax(q k^T / sqrt(head_dim)) v, see KernelSet::attention. Tiles are 128 positions, 64 where
// head_dim is 256.
void launch_attention(const HopperAttention& arguments, cudaStream_t stream);

}  // namespace rerank::cuda
