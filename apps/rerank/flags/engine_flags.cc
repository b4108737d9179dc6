#include "apps/rerank/flags/engine_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <vector>

#include "apps/rerank/flags/number_flags.h"
#include "rerank/error.h"
#include "tokenizer/utf8.h"

namespace rerank::cli {
namespace {

constexpr const char* kModelHelp =
    "a directory, a name in the Hugging Face cache (Qwen/Qwen3-Reranker-0.6B), demo (the small model that "
    "ships), or "
    "synth:SIZE (made in memory, for benchmarks)";
constexpr const char* kEngineGroup = "How it runs";
constexpr const char* kRequestGroup = "Prompt and limits";

}  // namespace

CLI::Option* add_model_flag(CLI::App& command, std::string& model) {
  return command.add_option("-m,--model", model, kModelHelp)->type_name("MODEL")->required();
}

void add_model_argument(CLI::App& command, std::string& model) {
  command.add_option("MODEL", model, kModelHelp)->required();
}

void add_engine_flags(CLI::App& command, EngineOptions& options) {
  const auto group = [](CLI::Option* option) { option->group(kEngineGroup); };
  group(
      command
          .add_option("--tokenizer", options.tokenizer, "a tokenizer.json to use instead of the model's own")
          ->type_name("FILE"));
  group(add_choice(command, "--device", options.device, {"auto", "cpu", "cuda", "reference"},
                   "auto is a GPU that will do, else the CPU; reference is slow float32, for comparison"));
  group(add_choice(command, "--dtype", options.dtype, {"auto", "bfloat16", "float32"},
                   "arithmetic; auto is the faster one here"));
  group(add_choice(command, "--quantization", options.quantization, {"none", "int8", "fp8"},
                   "of weights, on a GPU: faster, a little less exact; int8 less so than fp8"));
  group(add_choice(command, "--instruction-set", options.instruction_set, {"auto", "avx512", "avx2"},
                   "what the processor is asked to do"));
  group(add_count(command, "--threads", options.num_threads, ranges::kThreads,
                  "of each replica; 0: one for each processor this process may use, shared out"));
  group(add_real(command, "--gpu-memory-utilization", "SHARE", options.gpu_memory_utilization,
                 ranges::kGpuMemoryUtilization,
                 "of each GPU's memory may be used at most; 0.9 unless given"));
  group(add_count(command, "--tensor-parallel-size", options.tensor_parallel_size,
                  ranges::kTensorParallelSize, "GPUs that compute one batch together; 1 unless given"));
  group(add_count(command, "--data-parallel-size", options.data_parallel_size, ranges::kDataParallelSize,
                  "replicas of the model that share a request's documents; 1 unless given"));
  group(add_seconds(command, "--device-timeout", options.device_timeout,
                    "for a GPU to give a batch back before it is taken to hang (60); 0: never"));
  group(add_count(command, "--max-model-len", options.max_model_len, ranges::kModelLen,
                  "tokens of a pair; 0: what the publisher's code takes (8192 for most) or the model's own "
                  "limit, the smaller"));
  group(add_count(command, "--max-num-batched-tokens", options.max_num_batched_tokens, ranges::kBatchedTokens,
                  "tokens computed at once; 0: what suits the device"));
  group(add_count(command, "--max-num-seqs", options.max_num_seqs, ranges::kNumSeqs,
                  "pairs computed at once; 0: what suits the device"));
  group(add_count(command, "--prefix-cache-tokens", options.prefix_cache_tokens, ranges::kPrefixCacheTokens,
                  "tokens of prompt heads kept for later requests; 0: what suits the device"));
  group(command
            .add_flag("--enable-prefix-caching,!--no-enable-prefix-caching", options.enable_prefix_caching,
                      "keep prompt heads for later requests (on unless switched off)")
            ->default_str("true"));
  group(command
            .add_option("--cache-dir", options.cache_directory,
                        "of packed weights; else $RERANK_CACHE, $XDG_CACHE_HOME/rerank or ~/.cache/rerank")
            ->type_name("DIR"));
  group(command.add_flag_callback(
      "--no-weight-cache", [&options] { options.use_weight_cache = false; },
      "pack the weights at every start and keep nothing"));

  command
      .add_flag(
          "--parse-special-tokens", options.parse_special_tokens,
          "let texts such as <|im_end|> in queries and documents become control tokens (the reference does; "
          "unsafe for texts of strangers)")
      ->group(kRequestGroup);
  command
      .add_option("--prompt", options.prompt,
                  "how the model is asked and scored, instead of what its directory declares: the name of a "
                  "published reranker such as qwen3-reranker, or a prompt file")
      ->type_name("NAME|FILE")
      ->group(kRequestGroup);
  add_choice(command, "--prompt-suffix", options.prompt_suffix, {"official", "vllm"},
             "of Qwen3-Reranker's prompt: vllm ends in one newline, as its published template does")
      ->group(kRequestGroup);
}

void add_request_flags(CLI::App& command, RequestFlags& flags) {
  command
      .add_option("--instruction", flags.instruction,
                  "what a document must do to be relevant; else the model's default")
      ->type_name("TEXT")
      ->group(kRequestGroup);
  add_count(command, "--max-tokens-per-query", flags.max_tokens_per_query, ranges::kTokenLimit,
            "keep only a query's first N; 0: all")
      ->group(kRequestGroup);
  add_count(command, "--max-tokens-per-doc", flags.max_tokens_per_document, ranges::kTokenLimit,
            "keep only a document's first N; 0: all")
      ->group(kRequestGroup);
  command
      .add_flag("--truncate,!--no-truncate", flags.truncate,
                "cut a document that makes its pair too long, and say so (on unless switched off: then such "
                "a pair is "
                "an error)")
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
                        std::initializer_list<const char*> values, const std::string& description) {
  std::string listed;
  for (const char* choice : values) listed += (listed.empty() ? "" : " | ") + std::string(choice);
  const std::vector<std::string> choices(values.begin(), values.end());
  const auto verdict = [choices, listed](const std::string& given) {
    const bool known = std::find(choices.begin(), choices.end(), given) != choices.end();
    return known ? std::string() : "\"" + given + "\" is none of " + listed;
  };
  const std::string separator = description.empty() ? "" : ": ";
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
