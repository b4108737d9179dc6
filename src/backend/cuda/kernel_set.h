// The kernels of one GPU generation for the steps that do nearly all of the work: matrix products with what
// follows them, and attention. Ranks, weights, the batch's layout and kernels over single rows (kernels.h)
// are the same for all generations; how products are scheduled and what a generation must know of a matrix is
// its own.
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

// A matrix as products read it, [rows, columns], dense: the rows of an activation, or a weight
// [outputs, inputs]. Made by KernelSet::operand when a model is loaded.
struct Operand {
  NumberType type = NumberType::kBFloat16;
  const void* values = nullptr;
  const float* scales = nullptr;  // [rows], of quantized numbers; nullptr: none is needed
  std::int32_t columns = 0;       // a row's bytes are a multiple of 16
  std::int32_t view = -1;         // what the kernel set keeps of it
};

// x * weight^T, rounded to bfloat16 and then multiplied by the scales of both, where they have some.
struct Product {
  const Operand& x;       // of at least num_rows rows
  const Operand& weight;  // of the same type
  std::int32_t num_rows;
  // Of x, as in Residual: results are multiplied by 1 / sqrt(mean of the row's squares + eps), which makes
  // them those of RMSNorm(x). nullptr: they are not.
  const float* squares = nullptr;
  float eps = 0;
};

// Query heads, key heads, value heads: heads [first_head, end_head) of them. Queries and keys get what
// attention wants of them, values too are written: see launch.
struct QkvArguments {
  DeviceBFloat16* qkv;            // [num_rows, (num_heads + 2 * num_kv_heads) * head_dim]
  DeviceBFloat16* store;          // [num_slots, 2, kv_dim] of the layer
  const float* query_norm;        // [head_dim], RMSNorm of each query head; nullptr: there is none
  const float* key_norm;          // [head_dim], likewise
  const float* bias;              // [qkv_dim]; only without norms of heads, and never nullptr then
  const float* frequencies;       // [head_dim / 2]
  const std::int32_t* positions;  // [num_rows]
  const std::int32_t* slots;      // [num_rows]; negative: not kept; unused without key heads
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
  std::int32_t first_slot;  // of the layer in the store
  bool is_causal = true;    // each query looks at keys up to its own; else at all num_keys of its item,
  std::int32_t window = 0;  // or, if this is not 0, at those of up to as many positions before or after it
};

struct KernelSetOptions {
  TransformerSpec spec;  // of one rank
  std::int32_t max_tokens = 0;
  std::int32_t num_processors = 0;
  // False: others add products to the hidden states, after a sum over ranks or with a norm of the sum.
  bool adds_products = true;
  cudaStream_t stream = nullptr;
};

// For one rank. Everything it launches goes to the stream of its options and returns at once. A row's result
// depends on that row alone, whatever the number of rows.
class KernelSet {
 public:
  virtual ~KernelSet() = default;

  // Bytes of device memory that load() takes for good.
  virtual std::size_t workspace_bytes() const = 0;
  // REQUIRES: it outlives this object; its memory may be filled later.
  virtual Operand operand(NumberType type, const void* values, const float* scales, std::int64_t rows,
                          std::int32_t columns) = 0;
  // Once, before the first forward. `qkv` [max_tokens, qkv_dim] with kAttentionOverread bytes behind it,
  // `store` [num_slots, 2, kv_dim] with the slots of all layers. `added`: weights in bfloat16 of products
  // that are added, one of each shape, loaded.
  virtual void load(DeviceBFloat16* qkv, DeviceBFloat16* store, std::int64_t num_slots,
                    std::span<const Operand> added) = 0;

  // A forward begins.
  virtual void begin() = 0;
  // Another kernel, or a copy, was added to the stream.
  virtual void after_other() = 0;

  // Heads [first_head, end_head) of qkv, and keys and values in their slots too: RMSNorm of each query and
  // key head or a bias, as the arguments have it, and rotary embedding of queries and keys, as Hugging Face's
  // Qwen3Attention and Qwen2Attention compute them.
  virtual void qkv(const Product& product, const QkvArguments& arguments) = 0;
  // out[row, i] = activation(g[row, i]) * g[row, ffn + i], g [num_rows, 2 * ffn] the product plus bias; or
  // activation(g[row, i]), g [num_rows, ffn], where the specification has no gate. Of e4m3 it is e4m3 too.
  virtual void mlp_in(const Product& product, const MlpArguments& arguments) = 0;
  // x += the product. False: it left the product in `added` [num_rows, x.hidden] instead, to be added by what
  // comes next; always so unless adds_products.
  virtual bool add_product(const Product& product, const Residual& x, DeviceBFloat16* added) = 0;
  // out = softmax(q k^T / sqrt(head_dim)) v. Keys are walked in tiles of absolute positions, so that a row's
  // sums run in one order wherever its keys come from.
  virtual void attention(const AttentionArguments& arguments) = 0;

  // What was chosen for cuBLASLt's products, by name; for benchmarks.
  virtual std::vector<std::pair<std::string, const Gemm*>> chosen_products() const = 0;
};

}  // namespace rerank::cuda
