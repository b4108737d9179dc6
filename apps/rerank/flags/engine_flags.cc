#include "apps/rerank/flags/engine_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "apps/rerank/flags/number_flags.h"
#include "backend/device_choice.h"
#include "base/utf8.h"
#include "rerank/error.h"

namespace rerank::cli {
namespace {

constexpr const char* kModelHelp =
    "model directory, name in the Hugging Face cache (Qwen/Qwen3-Reranker-0.6B), demo (the small bundled "
    "model), or synth:SIZE (random weights, for benchmarks)";
constexpr const char* kEngineGroup = "Engine options";
constexpr const char* kRequestGroup = "Prompt and length limits";

// How a pair becomes a prompt.
void add_prompt_flags(CLI::App& command, EngineOptions& options) {
  command
      .add_flag("--parse-special-tokens", options.parse_special_tokens,
                "parse text such as <|im_end|> in queries and documents as control tokens, as the reference "
                "implementation does; unsafe for untrusted text")
      ->group(kRequestGroup);
  command
      .add_option("--prompt", options.prompt,
                  "prompt and score function to use instead of what the model declares: name of a published "
                  "reranker, "
                  "such as qwen3-reranker, or a prompt file")
      ->type_name("NAME|FILE")
      ->group(kRequestGroup);
  add_choice(command, "--prompt-suffix", options.prompt_suffix, {"official", "vllm"},
             "ending of Qwen3-Reranker's prompt; vllm: a single newline, as in vLLM's published template")
      ->group(kRequestGroup);
  add_choice(command, "--activation", options.activation, {"auto", "none", "sigmoid"},
             "from logit to score; auto: as the model declares, which inspect shows; none: the logit itself")
      ->group(kRequestGroup);
}

}  // namespace

CLI::Option* add_model_flag(CLI::App& command, std::string& model) {
  return command.add_option("-m,--model", model, kModelHelp)->type_name("MODEL")->required();
}

void add_model_argument(CLI::App& command, std::string& model) {
  command.add_option("MODEL", model, kModelHelp)->required();
}

void add_engine_flags(CLI::App& command, EngineOptions& options) {
  const auto group = [](CLI::Option* option) { option->group(kEngineGroup); };
  group(command
            .add_option("--tokenizer", options.tokenizer, "tokenizer.json to use instead of the model's own")
            ->type_name("FILE"));
  group(add_choice(command, "--device", options.device, device_names(),
                   "auto: a supported GPU if there is one, otherwise the CPU; reference: slow, plain "
                   "float32, for comparison"));
  group(add_choice(command, "--dtype", options.dtype, {"auto", "bfloat16", "float32"},
                   "arithmetic; auto: whichever is faster on this machine"));
  group(add_choice(command, "--quantization", options.quantization, {"none", "int8", "fp8"},
                   "weight quantization: faster but less accurate; fp8: GPU only, less accurate than int8"));
  group(add_choice(command, "--instruction-set", options.instruction_set, {"auto", "amx", "avx512", "avx2"},
                   "CPU instruction set; auto: the best one available"));
  group(add_count(command, "--threads", options.num_threads, ranges::kThreads,
                  "threads per replica; 0: all CPUs available to this process, divided among the replicas"));
  group(add_real(command, "--gpu-memory-utilization", "SHARE", options.gpu_memory_utilization,
                 ranges::kGpuMemoryUtilization, "largest fraction of each GPU's memory to use; default 0.9"));
  group(add_count(command, "--tensor-parallel-size", options.tensor_parallel_size,
                  ranges::kTensorParallelSize, "number of GPUs that compute each batch together; default 1"));
  group(add_count(command, "--data-parallel-size", options.data_parallel_size, ranges::kDataParallelSize,
                  "number of model replicas that share each request's documents; default 1"));
  group(add_seconds(command, "--device-timeout", options.device_timeout,
                    "how long a batch may take before the GPU is considered hung; default 60; 0: no limit"));
  group(
      add_count(command, "--max-model-len", options.max_model_len, ranges::kModelLen,
                "maximum number of tokens in a pair; 0: the limit of the publisher's code (8192 for most) or "
                "the model's own, whichever is smaller"));
  group(add_count(command, "--max-num-batched-tokens", options.max_num_batched_tokens, ranges::kBatchedTokens,
                  "maximum number of tokens in a batch; 0: chosen for the device"));
  group(add_count(command, "--max-num-seqs", options.max_num_seqs, ranges::kNumSeqs,
                  "maximum number of pairs in a batch; 0: chosen for the device"));
  group(add_count(command, "--prefix-cache-tokens", options.prefix_cache_tokens, ranges::kPrefixCacheTokens,
                  "size of the prefix cache in tokens; 0: chosen for the device"));
  group(command
            .add_flag("--enable-prefix-caching,!--no-enable-prefix-caching", options.enable_prefix_caching,
                      "reuse the instruction and query prefixes of earlier requests (on by default)")
            ->default_str("true"));
  group(command
            .add_option("--cache-dir", options.cache_directory,
                        "directory for packed weights; default $RERANK_CACHE, then $XDG_CACHE_HOME/rerank, "
                        "then ~/.cache/rerank")
            ->type_name("DIR"));
  group(command.add_flag_callback(
      "--no-weight-cache", [&options] { options.use_weight_cache = false; },
      "pack the weights at every start instead of caching them on disk"));
  add_prompt_flags(command, options);
}

void add_request_flags(CLI::App& command, RequestFlags& flags) {
  command
      .add_option("--instruction", flags.instruction,
                  "what makes a document relevant to the query; default: the model's own instruction")
      ->type_name("TEXT")
      ->group(kRequestGroup);
  add_count(command, "--max-tokens-per-query", flags.max_tokens_per_query, ranges::kTokenLimit,
            "truncate each query to its first N tokens; 0: no limit")
      ->group(kRequestGroup);
  add_count(command, "--max-tokens-per-doc", flags.max_tokens_per_document, ranges::kTokenLimit,
            "truncate each document to its first N tokens; 0: no limit")
      ->group(kRequestGroup);
  command
      .add_flag("--truncate,!--no-truncate", flags.truncate,
                "truncate documents whose pair is too long and report it (on by default); with --no-truncate "
                "such a pair is an error")
      ->default_str("true")
      ->group(kRequestGroup);
}

void RequestFlags::apply_to(Request& request) const {
  request.instruction = instruction;
  request.max_tokens_per_query = max_tokens_per_query;
  request.max_tokens_per_document = max_tokens_per_document;
  request.truncate = truncate;
}

CLI::Option* add_choice(CLI::App& command, const std::string& name, std::string& value,
                        const std::vector<std::string>& choices, const std::string& description) {
  const std::string listed = fmt::format("{}", fmt::join(choices, " | "));
  const auto verdict = [choices, listed](const std::string& given) {
    const bool known = std::find(choices.begin(), choices.end(), given) != choices.end();
    return known ? std::string() : "\"" + given + "\" is not one of " + listed;
  };
  const std::string separator = description.empty() ? "" : "; ";
  return command.add_option(name, value, listed + separator + description)
      ->type_name("NAME")
      ->check(CLI::Validator(verdict, ""));
}

void require_utf8(const std::string& value, const char* flag) {
  const std::size_t at = first_invalid_utf8(value);
  if (at < value.size()) {
    throw Error(ErrorCode::kInvalidArgument,
                std::string(flag) + ": byte " + std::to_string(at + 1) + " is not valid UTF-8");
  }
}

}  // namespace rerank::cli
