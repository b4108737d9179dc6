// The interface between models and hardware: the coarse steps of a transformer's forward pass. A backend owns
// all activations and may fuse freely within a step, so nothing is passed between steps. Steps have the
// granularity that suits a GPU.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "backend/packed_batch.h"
#include "backend/transformer.h"

namespace rerank {

struct BackendOptions {
  std::string device = "auto";            // one of device_names(), device_choice.h
  std::string dtype = "auto";             // "auto", "bfloat16" or "float32": the arithmetic
  std::string quantization = "none";      // "none", "int8" or, on a GPU, "fp8"
  std::string instruction_set = "auto";   // "auto", "amx", "avx512" or "avx2"
  std::int32_t num_threads = 0;           // 0: one for each available processor
  std::string cache_directory;            // for packed weights; empty: none are kept
  double gpu_memory_utilization = 0;      // the share of each GPU's memory that may be used at most; 0: 0.9
  std::int32_t tensor_parallel_size = 0;  // ranks; 0: 1
  std::chrono::milliseconds device_timeout{60'000};  // what a device may take for a batch; 0: for ever
  std::vector<int> device_ordinals;  // [ranks], CUDA device indices; empty: the first supported GPUs
};

// Sizes fixed at load; nothing is allocated afterwards.
struct BackendLimits {
  std::int32_t max_tokens = 0;  // of a batch
  std::int32_t max_segments = 0;
  std::int32_t max_scores = 0;
  std::int32_t max_ranges = 0;
  std::int32_t num_slots = 0;  // of the key/value store
};

struct BackendInfo {
  std::string device;
  std::string device_name;    // of the GPUs, otherwise empty
  std::string device_reason;  // why it was chosen; only from preview_backend
  std::string dtype;
  std::string quantization = "none";
  std::string instruction_set;
  std::string dtype_reason;
  std::string weight_cache;  // the file of packed weights in use; empty: none
  std::int32_t num_threads = 0;
  std::int64_t weight_bytes = 0;
  std::int64_t workspace_bytes = 0;
};

// Which rows of the fused query/key/value projection a step computes.
enum class Projection { kQueryKeyValue, kKeyValue, kQuery };

// Activations that tests read and write between steps. "rows" is num_tokens, or num_scores after pool().
enum class Activation {
  kHidden,     // [rows, hidden]
  kQkv,        // [rows, qkv_dim]; undefined where a Projection omits it
  kAttention,  // [rows, query_dim]
  kFfn,        // [rows, ffn]
};

// Used from one thread: begin, the steps in the model's order, then finish. A step may return before it is
// complete, as on a GPU; finish waits. Up to max_in_flight() forward passes may be begun before the first is
// finished. Any call may throw Error{kUnavailable} if the device failed.
//
// A row's result depends on that row and its ancestors only, bit for bit: not on other rows, on how the
// prompt is cut into segments, or on the number of threads.
class Backend {
 public:
  virtual ~Backend() = default;

  // Reads (packs, uploads) all weights and allocates all memory. Called once, before anything else.
  virtual void load(TransformerWeights& weights, const BackendLimits& limits) = 0;
  // Whether weights are read after load(). If not, their files may change or be removed.
  virtual bool needs_weights_later() const { return false; }
  virtual BackendInfo info() const = 0;
  // Greater than 1 for an asynchronous device: the next forward pass can be submitted while one is running.
  virtual int max_in_flight() const { return 1; }

  // Copies what it needs of `batch`.
  virtual void begin(const PackedBatch& batch) = 0;

  // The specification defines the details: n is norm(hidden) with NormPlace::kBefore, hidden with kBehind;
  // hidden <- x is hidden + x with kBefore, norm(hidden + x) with kBehind. Biases of products are added if
  // the specification has them.

  // hidden = embedding[ids] * embedding_scale + position_embedding[position] + type_embedding[type],
  // normalized by embedding_norm
  virtual void embed() = 0;
  // qkv = n * [query; key; value]^T, n by attention_norm, then the norms of query and key heads and the
  // layer's rotation; keys and values are stored in their slots.
  virtual void qkv(std::int32_t layer, Projection projection) = 0;
  // attention = softmax(query * keys^T / sqrt(head_dim)) * values, over the keys within the mask and the
  // layer's window
  virtual void attention(std::int32_t layer) = 0;
  // hidden <- attention * output^T, normalized by attention_norm with kBehind
  virtual void attention_output(std::int32_t layer) = 0;
  // ffn = activation(n * gate^T) * (n * up^T), or activation(n * gate^T) alone, n by mlp_norm
  virtual void mlp_in(std::int32_t layer) = 0;
  // hidden <- ffn * down^T, normalized by mlp_norm with kBehind
  virtual void mlp_out(std::int32_t layer) = 0;
  // hidden = one row for each scored segment: that of its last or first token, after which only these rows
  // are computed; or, after the last layer, the mean of its tokens' final_norm(hidden).
  virtual void pool() = 0;
  // logits = x * [head_no; head_yes]^T, or (0, the head's steps applied to x), in float32; x =
  // final_norm(hidden), or hidden if pool() has normalized it or there is no final norm
  virtual void head() = 0;

  // Waits for the oldest forward pass and copies its logits. REQUIRES: logits.size() == 2 * num_scores.
  virtual void finish(std::span<float> logits) = 0;  // [num_scores, 2] (no, yes)

  // For tests: reads the activation after the steps so far, or sets it as if a step had written it.
  virtual void read(Activation activation, std::span<float> out) = 0;
  virtual void write(Activation activation, std::span<const float> values) = 0;
};

// How a backend with these options would compute a checkpoint of this type, without loading it: the fields of
// BackendInfo up to dtype_reason. May measure for a few milliseconds, like a first start. Throws as
// create_backend.
BackendInfo preview_backend(const BackendOptions& options, DataType checkpoint);

// Throws Error{kUnsupported} naming the option that this machine cannot satisfy.
std::unique_ptr<Backend> create_backend(const BackendOptions& options);

}  // namespace rerank
