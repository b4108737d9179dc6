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
  // A tokenizer.json to use instead of the model's own; empty: the model's, or for a synthetic model the demo
  // model's.
  std::string tokenizer;
  // "auto" (a GPU that will do, else the CPU), "cpu", "cuda" or "reference" (float32, naive: for comparison).
  std::string device = "auto";
  std::string dtype = "auto";  // "auto" (the faster on this device), "bfloat16" or "float32": the arithmetic
  // "none", "int8" or "fp8" (of the weights and what they multiply; on a GPU): int8 is the more exact.
  std::string quantization = "none";
  std::string instruction_set = "auto";  // of a CPU: "auto", "avx512" or "avx2"
  // Of each replica; 0: one for each processor this process may use, shared out between the replicas.
  std::int32_t num_threads = 0;
  double gpu_memory_utilization = 0;      // the share of a GPU's memory that may be used at most; 0: 0.9
  std::int32_t tensor_parallel_size = 0;  // GPUs that compute one batch together; 0: 1
  std::int32_t data_parallel_size = 0;    // replicas, which share each request's documents; 0: 1
  // A GPU that gives no batch back for so long is taken to hang: healthy() is false from then on. The largest
  // batch of the defaults takes a fifth of a second. 0: never.
  std::chrono::milliseconds device_timeout{60'000};

  // Where 0 is "what suits the device", EngineInfo says what that is.
  // Tokens of a pair; 0: what the publisher's own code takes (8192 for most) or the model's own limit, the
  // smaller.
  std::int32_t max_model_len = 0;
  std::int32_t max_num_batched_tokens = 0;  // tokens of a forward; 0: what suits the device
  std::int32_t max_num_seqs = 0;            // pairs of a forward; 0: what suits the device
  // Tokens of shared prompt heads that a replica keeps between requests; 0: what suits the device.
  std::int32_t prefix_cache_tokens = 0;
  bool enable_prefix_caching = true;

  bool parse_special_tokens = false;  // true: "<|im_end|>" in a user's text becomes the control token
  // How the model is asked and scored, instead of what it declares: the name of a published reranker's
  // prompt, or a prompt file; empty: as it declares.
  std::string prompt;
  std::string prompt_suffix =
      "official";  // "official"; of Qwen3-Reranker's also "vllm": its template's one newline at the end
  // Of packed weights; empty: $RERANK_CACHE, $XDG_CACHE_HOME/rerank or ~/.cache/rerank.
  std::string cache_directory;
  bool use_weight_cache = true;
};

// What was loaded and how it runs.
struct EngineInfo {
  std::string model;
  // Of the checkpoint's content: changes with any weight, and is the same wherever the same files are.
  std::string identity;
  std::string architecture;
  std::string device;         // "cpu", "cuda" or "reference"
  std::string device_name;    // of the GPUs; else empty
  std::string device_reason;  // who or what chose it
  std::string dtype;          // the arithmetic
  std::string quantization;
  std::string instruction_set;
  std::string dtype_reason;         // who or what chose it, with the measured figures
  std::string weight_cache;         // file of packed weights in use; empty: none
  std::string prompt;               // the name of its words around a query and a document
  std::string default_instruction;  // empty: none
  // DocumentScore::score as a formula of the logit: "sigmoid(logit)", "sigmoid(logit / 5)", "logit"; and
  // whose code or files say so.
  std::string score_function;
  std::string score_source;
  std::int32_t tensor_parallel_size = 0;
  std::int32_t data_parallel_size = 0;
  std::int32_t max_positions = 0;  // the model's own limit; max_model_len is what this engine takes
  std::int32_t max_model_len = 0;
  std::int32_t prefix_cache_capacity =
      0;  // tokens, of all replicas: what is kept and what a batch needs besides

  // Of each replica.
  std::int32_t num_threads = 0;
  std::int32_t max_num_batched_tokens = 0;
  std::int32_t max_num_seqs = 0;
  std::int32_t prefix_cache_tokens = 0;
  std::int64_t weight_bytes = 0;  // packed
  // Activations and keys/values; of a CPU, address space that is resident only as far as used.
  std::int64_t workspace_bytes = 0;
};

// Counted since the start, in all replicas together.
struct EngineStatistics {
  std::int64_t num_requests = 0;  // finished, whatever their status
  std::int64_t num_documents = 0;
  std::int64_t num_truncated = 0;
  std::int64_t num_prompt_tokens = 0;  // of all pairs, each counted whole
  std::int64_t num_cached_tokens = 0;  // of those, shared or cached and not computed
  std::int64_t num_computed_tokens = 0;
  std::int64_t num_batches = 0;
  std::int64_t num_running = 0;               // requests not finished now, those waiting included
  std::int64_t num_waiting = 0;               // of those, how many have no document in a batch yet
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

  // Loads the model. Throws Error that names the file or key; of an option, Error::subject.
  explicit Engine(const EngineOptions& options);
  // Requests not finished end with Status::kCancelled. Waits for what the device computes, for device_timeout
  // at most, and then a moment for those that share it to let go (10 s at most); then the threads that it
  // holds, and the memory that they use, are left to the end of the process.
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  RequestId submit(Request request, Callback callback);
  std::future<Result> submit(Request request);
  // Drops what is not computed yet; the callback comes with Status::kCancelled. Unknown ids are ignored.
  void cancel(RequestId id);

  // Scores and waits. Throws Error for every status but kOk, with the subject of the result.
  Result score(Request request);

  // Ids of `text` as the model's tokenizer encodes a user's text.
  std::vector<std::int32_t> tokenize(const std::string& text) const;
  // The same with each token's place; `parse_special` recognises control tokens, whatever the options say.
  // Throws Error{kInvalidArgument} for what is not UTF-8.
  std::vector<TokenPiece> tokenize_pieces(const std::string& text, bool parse_special) const;
  // The text of the tokens, control tokens by their names; what is not UTF-8 becomes U+FFFD. Throws
  // Error{kInvalidArgument} for an id that no token has.
  std::string detokenize(std::span<const std::int32_t> ids) const;

  const EngineInfo& info() const;
  EngineStatistics statistics() const;
  // False once a backend has failed or hangs: every request ends with Status::kUnavailable.
  bool healthy() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rerank
