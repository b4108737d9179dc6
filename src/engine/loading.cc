#include "engine/loading.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "checkpoint/checkpoint.h"
#include "checkpoint/model_location.h"
#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::int32_t kDefaultModelLen = 8192;  // the published limit of Qwen3-Reranker's own scoring code
// Large enough for the GEMMs to run at full speed, small enough that a new request waits about a second.
constexpr std::int32_t kDefaultBatchedTokens = 1024;
constexpr std::int32_t kDefaultSeqs = 256;
constexpr std::int32_t kDefaultPrefixCacheTokens = 1024;

std::int32_t value_or(std::int32_t value, std::int32_t fallback, const char* flag, std::int32_t least) {
  if (value == 0) return fallback;
  if (value < least) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} must be at least {}, not {}", flag, least, value));
  }
  return value;
}

AnswerTokens answer_tokens(const Tokenizer& tokenizer, const Checkpoint& checkpoint) {
  if (!needs_answer_tokens(checkpoint)) return {};
  const auto id_of = [&](const char* word) {
    const std::optional<std::int32_t> id = tokenizer.token_id(word);
    if (!id) {
      throw Error(
          ErrorCode::kUnsupported,
          fmt::format(
              "{} is no reranker that this program knows: its tokenizer has no token \"{}\" to answer "
              "with",
              checkpoint.description(), word));
    }
    return *id;
  };
  return {.no = id_of("no"), .yes = id_of("yes")};
}

SchedulerOptions scheduler_options(const EngineOptions& options, const ModelConfig& config) {
  SchedulerOptions scheduler;
  scheduler.max_model_len =
      value_or(options.max_model_len, std::min(kDefaultModelLen, config.max_positions), "--max-model-len", 1);
  if (scheduler.max_model_len > config.max_positions) {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("--max-model-len {} is more than the model's max_position_embeddings, {}",
                            scheduler.max_model_len, config.max_positions));
  }
  scheduler.max_num_batched_tokens =
      value_or(options.max_num_batched_tokens, kDefaultBatchedTokens, "--max-num-batched-tokens", 1);
  scheduler.max_num_seqs = value_or(options.max_num_seqs, kDefaultSeqs, "--max-num-seqs", 1);
  scheduler.prefix_cache_tokens =
      value_or(options.prefix_cache_tokens, kDefaultPrefixCacheTokens, "--prefix-cache-tokens", 1);
  scheduler.share_between_requests = options.enable_prefix_caching;
  return scheduler;
}

BackendOptions backend_options(const EngineOptions& options) {
  return {.device = options.device,
          .dtype = options.dtype,
          .instruction_set = options.instruction_set,
          .num_threads = value_or(options.num_threads, 0, "--threads", 1),
          .cache_directory = cache_directory(options)};
}

PromptSuffix prompt_suffix(const std::string& name) {
  if (name == "official") return PromptSuffix::kOfficial;
  if (name == "vllm") return PromptSuffix::kVllm;
  throw Error(ErrorCode::kInvalidArgument, fmt::format("--prompt-suffix {}: choose official or vllm", name));
}

void fill_info(const EngineOptions& options, const Checkpoint& checkpoint, LoadedModel& loaded) {
  const BackendInfo backend = loaded.backend->info();
  EngineInfo& info = loaded.info;
  info.model = options.model;
  info.identity = checkpoint.identity();
  info.architecture = checkpoint.config().architecture;
  info.device = backend.device;
  info.dtype = backend.dtype;
  info.instruction_set = backend.instruction_set;
  info.dtype_reason = backend.dtype_reason;
  info.weight_cache = backend.weight_cache;
  info.default_instruction = Qwen3Prompt::kDefaultInstruction;
  info.num_threads = backend.num_threads;
  info.max_positions = checkpoint.config().max_positions;
  info.max_model_len = loaded.scheduler.max_model_len;
  info.max_num_batched_tokens = loaded.scheduler.max_num_batched_tokens;
  info.max_num_seqs = loaded.scheduler.max_num_seqs;
  info.prefix_cache_tokens = loaded.scheduler.prefix_cache_tokens;
  info.prefix_cache_capacity = loaded.scheduler.cache_slots();
  info.weight_bytes = backend.weight_bytes;
  info.workspace_bytes = backend.workspace_bytes;
}

}  // namespace

Tokenizer load_tokenizer(const EngineOptions& options) {
  return Tokenizer::load(tokenizer_location(options.model, options.tokenizer));
}

BackendInfo preview_backend(const EngineOptions& options, const Checkpoint& checkpoint) {
  return preview_backend(backend_options(options), matrix_type(checkpoint));
}

std::string cache_directory(const EngineOptions& options) {
  if (!options.use_weight_cache) return "";
  if (!options.cache_directory.empty()) return options.cache_directory;
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
  };
  if (const std::string own = variable("RERANK_CACHE"); !own.empty()) return own;
  if (const std::string xdg = variable("XDG_CACHE_HOME"); !xdg.empty()) return xdg + "/rerank";
  if (const std::string home = variable("HOME"); !home.empty()) return home + "/.cache/rerank";
  return "";
}

LoadedModel load_model(const EngineOptions& options) {
  const std::shared_ptr<Checkpoint> checkpoint = open_checkpoint(options.model);
  const ModelConfig& config = checkpoint->config();
  Tokenizer tokenizer = load_tokenizer(options);
  if (tokenizer.vocab_size() > config.vocab) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "the tokenizer has ids up to {}, the model's vocab_size is {}: they do not belong together",
            tokenizer.vocab_size() - 1, config.vocab));
  }
  LoadedModel loaded;
  loaded.scheduler = scheduler_options(options, config);
  const AnswerTokens answers = answer_tokens(tokenizer, *checkpoint);
  loaded.encoder = std::make_unique<RequestEncoder>(
      std::move(tokenizer), EncoderOptions{.parse_special_tokens = options.parse_special_tokens,
                                           .suffix = prompt_suffix(options.prompt_suffix),
                                           .max_model_len = loaded.scheduler.max_model_len});
  loaded.model = create_model(checkpoint, answers, loaded.scheduler.max_model_len);
  loaded.backend = create_backend(backend_options(options));
  loaded.backend->load(loaded.model->weights(), {.max_tokens = loaded.scheduler.max_num_batched_tokens,
                                                 .max_segments = loaded.scheduler.max_segments(),
                                                 .max_scores = loaded.scheduler.max_num_seqs,
                                                 .max_ranges = loaded.scheduler.max_ranges(),
                                                 .num_slots = loaded.scheduler.num_slots()});
  fill_info(options, *checkpoint, loaded);
  return loaded;
}

}  // namespace rerank
