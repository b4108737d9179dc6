// Attention on Hopper, and the tensor maps of its inputs.
#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstdint>

#include "backend/cuda/kernel_set.h"

namespace rerank::cuda {

// Tensor maps of attention's inputs for TMA: boxes of 64 columns and 1, 2, 4, ... 128 rows.
struct AttentionViews {
  static constexpr int kBoxes = 8;
  CUtensorMap rows[kBoxes];   // of qkv
  CUtensorMap slots[kBoxes];  // of the store: keys and values of a slot form a row
  CUtensorMap queries;        // of qkv: all query heads of a key head, attention_tokens() rows
};

struct HopperAttention : AttentionArguments {
  AttentionViews views;
};

// Called once for each device, before the first launch.
void prepare_attention(std::int32_t head_dim, bool is_causal);

// For launches on the current device. `qkv` is [num_rows, query, key, value] and `store` is [num_slots, key
// and value].
AttentionViews make_attention_views(const AttentionShape& shape, DeviceBFloat16* qkv, std::int64_t num_rows,
                                    DeviceBFloat16* store, std::int64_t num_slots);

// out = softmax(q k^T / sqrt(head_dim)) v, see KernelSet::attention. Tiles are 128 positions, or 64 if
// head_dim is 256.
void launch_attention(const HopperAttention& arguments, cudaStream_t stream);

}  // namespace rerank::cuda
