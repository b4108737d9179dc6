// The seam between a model and the hardware: the coarse steps of a transformer's forward. A backend may fuse
// freely inside a step and owns all activations, so nothing is passed between steps; the cut follows what a
// GPU wants.
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
  std::string quantization = "none";      // "none", "int8" or "fp8"
  std::string instruction_set = "auto";   // "auto", "avx512" or "avx2"
  std::int32_t num_threads = 0;           // 0: one for each available processor
  std::string cache_directory;            // for packed weights; empty: none are kept
  double gpu_memory_utilization = 0;      // the share of each GPU's memory that may be used at most; 0: 0.9
  std::int32_t tensor_parallel_size = 0;  // ranks; 0: 1
  std::chrono::milliseconds device_timeout{60'000};  // what a device may take for a batch; 0: for ever
  std::vector<int> device_ordinals;  // [ranks], as CUDA numbers what it shows; empty: the first that will do
};

// Sizes fixed at the start; nothing is allocated after.
struct BackendLimits {
  std::int32_t max_tokens = 0;  // of a batch
  std::int32_t max_segments = 0;
  std::int32_t max_scores = 0;
  std::int32_t max_ranges = 0;
  std::int32_t num_slots = 0;  // of the key/value store
};

struct BackendInfo {
  std::string device;
  std::string device_name;    // of the GPUs; else empty
  std::string device_reason;  // who or what chose it; only from preview_backend
  std::string dtype;
  std::string quantization = "none";
  std::string instruction_set;
  std::string dtype_reason;
  std::string weight_cache;  // file of packed weights in use; empty: none
  std::int32_t num_threads = 0;
  std::int64_t weight_bytes = 0;
  std::int64_t workspace_bytes = 0;
};

// Which rows of the fused query/key/value projection a step is about.
enum class Projection { kQueryKeyValue, kKeyValue, kQuery };

// Activations that tests read and write between steps. "rows" is num_tokens, after pool()
// num_scores.
enum class Activation {
  kHidden,     // [rows, hidden]
  kQkv,        // [rows, qkv_dim]; what a Projection left out is undefined
  kAttention,  // [rows, query_dim]
  kFfn,        // [rows, ffn]
};

// From one thread: begin, then the steps in the model's order, then finish. A step may return before it is
// done (a GPU's does); finish waits. Up to max_in_flight() forwards may be begun and stepped through before
// the first is finished. Any call may throw Error{kUnavailable} when the device failed.
//
// A row's result depends on that row and its ancestors alone, bit for bit: never on the other rows, on how
// the prompt is cut into segments, or on the number of threads.
class Backend {
 public:
  virtual ~Backend() = default;

  // Reads (packs, uploads) all weights and reserves all memory. Once, before anything else.
  virtual void load(TransformerWeights& weights, const BackendLimits& limits) = 0;
  // Whether it looks at the weights after load() too. Else their files may change and go.
  virtual bool needs_weights_later() const { return false; }
  virtual BackendInfo info() const = 0;
  // Above 1 for a device that works by itself: the next forward can be handed over while one runs.
  virtual int max_in_flight() const { return 1; }

  // Takes a copy of what it needs of `batch`.
  virtual void begin(const PackedBatch& batch) = 0;

  // The specification says what a step has: n is norm(hidden) with NormPlace::kBefore, hidden with kBehind;
  // hidden <- x is hidden + x with kBefore, norm(hidden + x) with kBehind. Biases of products are added where
  // there are any.

  // hidden = embedding[ids] * embedding_scale + position_embedding[position] + type_embedding[type], the sum
  // normed by embedding_norm
  virtual void embed() = 0;
  // qkv = n * [query; key; value]^T, n by attention_norm, then the norms of query and key heads and the
  // layer's rotation; keys and values go to their slots.
  virtual void qkv(std::int32_t layer, Projection projection) = 0;
  // attention = softmax(query * keys^T / sqrt(head_dim)) * values, over the keys that mask and the layer's
  // window show
  virtual void attention(std::int32_t layer) = 0;
  // hidden <- attention * output^T, normed by attention_norm with kBehind
  virtual void attention_output(std::int32_t layer) = 0;
  // ffn = activation(n * gate^T) * (n * up^T), or activation(n * gate^T) alone, n by mlp_norm
  virtual void mlp_in(std::int32_t layer) = 0;
  // hidden <- ffn * down^T, normed by mlp_norm with kBehind
  virtual void mlp_out(std::int32_t layer) = 0;
  // hidden = a row for each scored segment: its last token's or first token's, and from here on only they are
  // computed; or, after the last layer, the mean of its tokens' final_norm(hidden).
  virtual void pool() = 0;
  // logits = x * [head_no; head_yes]^T, or (0, the head's steps on x), in float32; x = final_norm(hidden),
  // hidden where pool() has normed it or there is none
  virtual void head() = 0;

  // Waits for the forward begun first, then copies its logits out. REQUIRES: logits.size() == 2 * num_scores.
  virtual void finish(std::span<float> logits) = 0;  // [num_scores, 2] (no, yes)

  // For tests: the activation after the steps so far, or set as if a step had left it.
  virtual void read(Activation activation, std::span<float> out) = 0;
  virtual void write(Activation activation, std::span<const float> values) = 0;
};

// What a backend made from these options would compute a checkpoint of this type in, without loading one: the
// fields of BackendInfo up to dtype_reason. May measure for some milliseconds, as a first start does. Throws
// as create_backend.
BackendInfo preview_backend(const BackendOptions& options, DataType checkpoint);

// Throws Error{kUnsupported} naming the flag when this machine cannot do what the options ask.
std::unique_ptr<Backend> create_backend(const BackendOptions& options);

}  // namespace rerank
