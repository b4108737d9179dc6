// The kernels of one GPU generation for the steps with nearly all of the work: matrix products with their
// epilogues, and attention. Ranks, weights, the batch layout and row-wise kernels (kernels.h) are the same
// for all generations. Each generation has its own schedules and its own view of matrices.
#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "backend/cuda/attention_items.h"
#include "backend/cuda/gemm.h"
#include "backend/cuda/rows/kernels.h"
#include "backend/transformer.h"

namespace rerank::cuda {

// A matrix as an operand of products, [rows, columns], dense: the rows of an activation, or a weight
// [outputs, inputs]. Created by KernelSet::operand when a model is loaded.
struct Operand {
  NumberType type = NumberType::kBFloat16;
  const void* values = nullptr;
  const float* scales = nullptr;  // [rows], of quantized values; nullptr: not needed
  std::int32_t columns = 0;       // a row's bytes are a multiple of 16
  std::int32_t view = -1;         // index in the kernel set
};

// x * weight^T, rounded to bfloat16 and then multiplied by the scales of both, if they have any.
struct Product {
  const Operand& x;       // at least num_rows rows
  const Operand& weight;  // of the same type
  std::int32_t num_rows;
  // Of x, as in Residual: results are multiplied by 1 / sqrt(mean of the row's squares + eps), which gives
  // the product with RMSNorm(x). nullptr: no norm.
  const float* squares = nullptr;
  float eps = 0;
};

// Heads [first_head, end_head) of the query heads, key heads and value heads, in this order. Queries and keys
// are normalized and rotated, and values are written too: see KernelSet::qkv.
struct QkvArguments {
  DeviceBFloat16* qkv;            // [num_rows, (num_heads + 2 * num_kv_heads) * head_dim]
  DeviceBFloat16* store;          // [num_slots, 2, kv_dim] of the layer
  const float* query_norm;        // [head_dim], RMSNorm of each query head; nullptr: none
  const float* key_norm;          // [head_dim], likewise
  const float* bias;              // [qkv_dim]; required without norms of heads, otherwise unused
  const float* frequencies;       // [head_dim / 2]
  const std::int32_t* positions;  // [num_rows]
  const std::int32_t* slots;      // [num_rows]; negative: not cached; unused without key heads
  std::int32_t first_head;
  std::int32_t end_head;
  std::int32_t num_heads;
  std::int32_t num_kv_heads;
  std::int32_t head_dim;
  float eps;
};

struct MlpArguments {
  ActivationRows out;  // [num_rows, ffn]; ffn is a multiple of 16
  const float* bias;   // [outputs of the product]; nullptr: none
  std::int32_t ffn;
};

struct AttentionArguments {
  AttentionShape shape;
  ActivationRows out;  // [rows, query_dim]
  const AttentionItem* items;
  const KeyRun* runs;
  const std::int32_t* pieces;  // [num_turns, num_blocks]; see AttentionPieces
  std::int32_t num_turns;
  std::int32_t num_blocks;
  std::int32_t first_slot;  // of the layer, in the store
  bool is_causal = true;    // queries attend to keys up to their own; otherwise to all num_keys of the item,
  std::int32_t window = 0;  // or, if this is not 0, to those at most this many positions before or after
};

struct KernelSetOptions {
  TransformerSpec spec;  // of one rank
  std::int32_t max_tokens = 0;
  std::int32_t num_processors = 0;
  // False: products are added to the hidden states elsewhere, after a sum over ranks or with a norm of the
  // sum.
  bool adds_products = true;
  cudaStream_t stream = nullptr;
};

// For one rank. All kernels are launched on the stream of the options, and the calls return at once. A row's
// result depends on that row only, not on the number of rows.
class KernelSet {
 public:
  virtual ~KernelSet() = default;

  // Bytes of device memory that load() allocates permanently.
  virtual std::size_t workspace_bytes() const = 0;
  // REQUIRES: the memory outlives this object; it may be filled later.
  virtual Operand operand(NumberType type, const void* values, const float* scales, std::int64_t rows,
                          std::int32_t columns) = 0;
  // Called once, before the first forward pass. `qkv` is [max_tokens, qkv_dim] followed by kAttentionOverread
  // bytes, `store` is [num_slots, 2, kv_dim] with the slots of all layers. `added` are the loaded bfloat16
  // weights of products whose results are added, one for each shape.
  virtual void load(DeviceBFloat16* qkv, DeviceBFloat16* store, std::int64_t num_slots,
                    std::span<const Operand> added) = 0;

  // A forward pass begins.
  virtual void begin() = 0;
  // Called after another kernel, or a copy, was added to the stream.
  virtual void after_other() = 0;

  // Computes heads [first_head, end_head) of qkv, and stores keys and values in their slots too: RMSNorm of
  // each query and key head or a bias, as in the arguments, and rotary embedding of queries and keys, as in
  // Hugging Face's Qwen3Attention and Qwen2Attention.
  virtual void qkv(const Product& product, const QkvArguments& arguments) = 0;
  // out[row, i] = activation(g[row, i]) * g[row, ffn + i], where g [num_rows, 2 * ffn] is the product plus
  // bias; or activation(g[row, i]) with g [num_rows, ffn] if the specification has no gate. If the operands
  // are e4m3, so is the output.
  virtual void mlp_in(const Product& product, const MlpArguments& arguments) = 0;
  // x += the product. Returns false if it left the product in `added` [num_rows, x.hidden] instead, to be
  // added by the next step; always so unless adds_products.
  virtual bool add_product(const Product& product, const Residual& x, DeviceBFloat16* added) = 0;
  // out = softmax(q k^T / sqrt(head_dim)) v. Keys are processed in tiles of absolute positions, so that a
  // row's sums run in the same order wherever its keys are stored.
  virtual void attention(const AttentionArguments& arguments) = 0;

  // The algorithms chosen for cuBLASLt's products, by name; for benchmarks.
  virtual std::vector<std::pair<std::string, const Gemm*>> chosen_products() const = 0;
};

}  // namespace rerank::cuda
