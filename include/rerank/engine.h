// The engine: loads a reranker once and scores requests from any number of threads.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rerank/error.h"
#include "rerank/types.h"

namespace rerank {

struct EngineOptions {
  std::string model = "demo";  // a directory, a name in the Hugging Face cache, "demo" or "synth:SIZE"
  // A tokenizer.json to use instead of the model's own; empty: the model's, or the demo model's for a
  // synthetic model.
  std::string tokenizer;
  // "auto" (a supported GPU, otherwise the CPU), "cpu", "cuda" or "reference" (naive float32, for
  // comparison).
  std::string device = "auto";
  std::string dtype = "auto";  // "auto" (the faster on this device), "bfloat16" or "float32": the arithmetic
  // "none", "int8" or "fp8": of the weights and of the activations they multiply, in all layers but the first
  // and the last. fp8 is for GPUs only, and less accurate than int8.
  std::string quantization = "none";
  std::string instruction_set = "auto";  // of a CPU: "auto", "amx", "avx512" or "avx2"
  // Per replica; 0: the CPUs available to this process, divided among the replicas.
  std::int32_t num_threads = 0;
  double gpu_memory_utilization = 0;      // largest fraction of each GPU's memory to use; 0: 0.9
  std::int32_t tensor_parallel_size = 0;  // GPUs that compute one batch together; 0: 1
  std::int32_t data_parallel_size = 0;    // replicas, which share each request's documents; 0: 1
  // How long a batch may take before the GPU is considered hung: healthy() is false from then on. The largest
  // batch with default settings takes 0.2 s. 0: no limit.
  std::chrono::milliseconds device_timeout{60'000};

  // Where 0 is "chosen for the device", EngineInfo has the value chosen.
  // Tokens of a pair; 0: the limit of the publisher's code (8192 for most) or the model's own, whichever is
  // smaller.
  std::int32_t max_model_len = 0;
  // Tokens of a batch; 0: chosen for the device. An encoder's: at least max_model_len.
  std::int32_t max_num_batched_tokens = 0;
  std::int32_t max_num_seqs = 0;  // pairs of a batch; 0: chosen for the device
  // Tokens of prefixes that a replica keeps between requests; 0: chosen for the device.
  std::int32_t prefix_cache_tokens = 0;
  bool enable_prefix_caching = true;

  bool parse_special_tokens = false;  // true: "<|im_end|>" in a user's text becomes the control token
  // The prompt and the score function to use instead of those that the model declares: the name of a
  // published reranker's prompt, or a prompt file; empty: what the model declares.
  std::string prompt;
  std::string prompt_suffix =
      "official";  // "official", or for Qwen3-Reranker "vllm": a single newline, as in vLLM's template
  // Of the logit, instead of the score function that the model declares: "auto" (that one), "none" (the logit
  // itself) or "sigmoid".
  std::string activation = "auto";
  // For packed weights; empty: $RERANK_CACHE, $XDG_CACHE_HOME/rerank or ~/.cache/rerank.
  std::string cache_directory;
  bool use_weight_cache = true;
};

// What was loaded and how it runs.
struct EngineInfo {
  std::string model;
  // A hash of the checkpoint's content: differs where any weight differs, whatever the path of the files.
  std::string identity;
  std::string architecture;
  std::string device;         // "cpu", "cuda" or "reference"
  std::string device_name;    // of the GPUs; otherwise empty
  std::string device_reason;  // why it was chosen
  std::string dtype;          // the arithmetic
  std::string quantization;
  std::string instruction_set;
  std::string dtype_reason;         // why it was chosen, with the measured figures
  std::string weight_cache;         // file of packed weights in use; empty: none
  std::string prompt;               // its name
  std::string default_instruction;  // empty: none
  // DocumentScore::score as a formula of the logit, such as "sigmoid(logit)", "sigmoid(logit / 5)" or
  // "logit", and the code or file that defines it.
  std::string score_function;
  std::string score_source;
  // The score is the logit or linear in it, and the model says so: EngineOptions::activation did not choose.
  bool declares_logits = false;
  std::int32_t tensor_parallel_size = 0;
  std::int32_t data_parallel_size = 0;
  std::int32_t max_positions = 0;  // the model's own limit; max_model_len is this engine's
  std::int32_t max_model_len = 0;
  std::int32_t prefix_cache_capacity =
      0;  // tokens, of all replicas: kept prefixes and what a batch needs besides

  // Per replica.
  std::int32_t num_threads = 0;
  std::int32_t max_num_batched_tokens = 0;
  std::int32_t max_num_seqs = 0;
  std::int32_t prefix_cache_tokens = 0;
  std::int64_t weight_bytes = 0;  // packed
  // Activations, keys and values; on a CPU, address space of which only the part in use is resident.
  std::int64_t workspace_bytes = 0;
};

// Counted since the start, over all replicas.
struct EngineStatistics {
  std::int64_t num_requests = 0;  // finished, with any status
  std::int64_t num_documents = 0;
  std::int64_t num_truncated = 0;
  std::int64_t num_prompt_tokens = 0;  // of all pairs, prefixes counted for each
  std::int64_t num_cached_tokens = 0;  // of those, found in a shared or cached prefix
  std::int64_t num_computed_tokens = 0;
  std::int64_t num_batches = 0;
  std::int64_t num_running = 0;               // requests now in progress, including those waiting
  std::int64_t num_waiting = 0;               // of those, requests of which no document is in a batch yet
  std::int64_t prefix_cache_tokens_used = 0;  // now, of EngineInfo::prefix_cache_capacity
  std::chrono::nanoseconds compute{};
};

// All members are safe from any thread.
class __attribute__((visibility("default"))) Engine {
 public:
  // Called once for each request, on a thread of the engine: return quickly, do not throw, do not destroy the
  // engine.
  using Callback = std::function<void(Result)>;
  using RequestId = std::uint64_t;

  // Loads the model. Throws Error that names the file and key at fault, or the option as Error::subject.
  explicit Engine(const EngineOptions& options);
  // Unfinished requests end with Status::kCancelled. Waits for the device at most device_timeout, and then at
  // most 10 s for the GPUs that compute with it; threads that still hang then, and the memory that they use,
  // are abandoned until the process ends.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  RequestId submit(Request request, Callback callback);
  std::future<Result> submit(Request request);
  // Drops what is not computed yet; the callback gets Status::kCancelled. Unknown ids are ignored.
  void cancel(RequestId id);

  // Scores and waits. Throws Error, with the result's subject, for every status except kOk.
  Result score(Request request);

  // Token ids of `text`, encoded as the texts of requests are.
  std::vector<std::int32_t> tokenize(const std::string& text) const;
  // The same with each token's position; `parse_special` instead of EngineOptions::parse_special_tokens
  // decides about control tokens. Throws Error{kInvalidArgument} for invalid UTF-8.
  std::vector<TokenPiece> tokenize_pieces(const std::string& text, bool parse_special) const;
  // The text of the tokens, control tokens by name, invalid UTF-8 replaced by U+FFFD. Throws
  // Error{kInvalidArgument} for an id that no token has.
  std::string detokenize(std::span<const std::int32_t> ids) const;

  const EngineInfo& info() const;
  EngineStatistics statistics() const;
  // False once a backend has failed or hangs: every request then ends with Status::kUnavailable.
  bool healthy() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rerank
