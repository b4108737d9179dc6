#include "engine/loading.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <future>
#include <optional>

#include "backend/device_choice.h"
#include "base/log.h"
#include "base/option_ranges.h"
#include "base/thread_pool.h"
#include "checkpoint/model_location.h"
#include "model/open_model.h"
#include "rerank/error.h"

namespace rerank {
namespace {

std::int32_t value_or(std::int32_t value, std::int32_t fallback, const char* option,
                      const NumberRange& range) {
  require_in_range(value, option, range);
  return value == 0 ? fallback : value;
}

AnswerIds answer_ids(const Tokenizer& tokenizer, const Checkpoint& checkpoint, const Reranker& reranker) {
  if (reranker.has_classification_head) return {};
  const auto id_of = [&](const AnswerToken& answer) {
    if (!answer.is_given()) return -1;
    const std::optional<std::int32_t> id = answer.id >= 0 ? answer.id : tokenizer.token_id(answer.word);
    if (!id || *id >= reranker.spec.vocab) {
      throw Error(
          ErrorCode::kUnsupported,
          fmt::format(
              "{}: the answer {} is not a token of its vocabulary; declare the answers in a prompt file",
              checkpoint.description(), answer.id >= 0 ? fmt::format("{}", answer.id) : answer.word));
    }
    return *id;
  };
  return {.no = id_of(reranker.declared.answers.no), .yes = id_of(reranker.declared.answers.yes)};
}

// A decoder reads only the prompt, so the prompt has to contain what the tokenizer puts around a text.
void require_frame_in_prompt(const Tokenizer& tokenizer, const Prompt& prompt, const Checkpoint& checkpoint) {
  if (prompt.pair.has_value()) return;
  TokenIds before, after;
  bool is_before = true;
  for (const TokenFrame::Part& part : tokenizer.frames().single.parts) {
    is_before = is_before && part.text == TokenFrame::Text::kNone;
    TokenIds& ids = is_before ? before : after;
    ids.insert(ids.end(), part.ids.begin(), part.ids.end());
  }
  const PromptText& first = prompt.pieces.front().texts.front();
  const PromptText& last = prompt.pieces.back().texts.back();
  TokenIds begin, end;
  tokenizer.encode(first.words, SpecialTokens::kParse, begin);
  if (last.field == PromptField::kNone) tokenizer.encode(last.words, SpecialTokens::kParse, end);
  const bool begins =
      begin.size() >= before.size() && std::equal(before.begin(), before.end(), begin.begin());
  const bool ends = end.size() >= after.size() && std::equal(after.rbegin(), after.rend(), end.rbegin());
  if (begins && ends) return;
  throw Error(
      ErrorCode::kUnsupported,
      fmt::format(
          "{}: its tokenizer puts {} {} a text, which the prompt does not; write that into a prompt file, or "
          "set post_processor of tokenizer.json to null if the model was trained without",
          checkpoint.description(), tokenizer.decode(begins ? after : before), begins ? "after" : "before"));
}

// `positions`: the model's.
std::int32_t max_model_len(const EngineOptions& options, const Prompt& prompt, const Tokenizer& tokenizer,
                           std::int32_t positions) {
  std::int32_t fallback = positions;
  if (prompt.default_text_limit > 0) {
    fallback = std::min(fallback, prompt.default_text_limit + tokens_outside_limit(prompt, tokenizer));
  }
  const std::int32_t most = value_or(options.max_model_len, fallback, "max_model_len", ranges::kModelLen);
  if (most > positions) {
    throw Error(ErrorCode::kInvalidArgument, {.member = "max_model_len"},
                fmt::format("{} is more than the model's max_position_embeddings, {}", most, positions));
  }
  return most;
}

// The tokens of the shared parts if they are the same in all prompts, so that there is only one prefix to
// cache.
std::optional<std::int32_t> constant_head_tokens(const RequestEncoder& encoder) {
  const PromptLayout& layout = encoder.layout();
  for (const PieceRange& part : layout.shared) {
    for (std::size_t piece = part.first; piece < part.end; ++piece) {
      const auto is_constant = [](const PromptText& text) {
        return text.field == PromptField::kNone && !text.needs_instruction;
      };
      if (!std::ranges::all_of(encoder.prompt().pieces[piece].texts, is_constant)) return std::nullopt;
    }
  }
  if (layout.shared.empty()) return 0;
  return encoder.fixed_tokens_from(0) - encoder.fixed_tokens_from(layout.document);
}

// An encoder's pair is never computed in chunks, and is not cached.
void hold_longest_pair(const EngineOptions& options, SchedulerOptions& scheduler) {
  scheduler.max_shared_tokens = scheduler.prefix_cache_tokens = 0;
  if (scheduler.max_num_batched_tokens >= scheduler.max_model_len) return;
  if (options.max_num_batched_tokens > 0) {
    throw Error(
        ErrorCode::kInvalidArgument, {.member = "max_num_batched_tokens"},
        fmt::format("{} is less than max_model_len, {}, and an encoder computes a pair in one batch: raise "
                    "it, or lower max_model_len",
                    scheduler.max_num_batched_tokens, scheduler.max_model_len));
  }
  scheduler.max_num_batched_tokens = scheduler.max_model_len;
}

SchedulerOptions scheduler_options(const EngineOptions& options, const RequestEncoder& encoder,
                                   const DeviceDefaults& defaults) {
  SchedulerOptions scheduler;
  scheduler.max_model_len = encoder.max_model_len();
  scheduler.max_shared_parts = static_cast<std::int32_t>(encoder.layout().shared.size());
  scheduler.max_num_batched_tokens = value_or(options.max_num_batched_tokens, defaults.max_num_batched_tokens,
                                              "max_num_batched_tokens", ranges::kBatchedTokens);
  scheduler.max_num_seqs =
      value_or(options.max_num_seqs, defaults.max_num_seqs, "max_num_seqs", ranges::kNumSeqs);
  scheduler.prefix_cache_tokens = value_or(options.prefix_cache_tokens, defaults.prefix_cache_tokens,
                                           "prefix_cache_tokens", ranges::kPrefixCacheTokens);
  scheduler.share_between_requests = options.enable_prefix_caching;
  if (encoder.prompt().pair) {
    hold_longest_pair(options, scheduler);
    return scheduler;
  }
  const std::optional<std::int32_t> constant = constant_head_tokens(encoder);
  if (constant && scheduler.share_between_requests) {
    scheduler.max_shared_tokens = scheduler.prefix_cache_tokens = *constant;
  }
  return scheduler;
}

BackendOptions backend_options(const EngineOptions& options) {
  return {.device = options.device,
          .dtype = options.dtype,
          .quantization = options.quantization,
          .instruction_set = options.instruction_set,
          .num_threads = value_or(options.num_threads, 0, "num_threads", ranges::kThreads),
          .cache_directory = cache_directory(options),
          .gpu_memory_utilization = options.gpu_memory_utilization,
          .tensor_parallel_size =
              value_or(options.tensor_parallel_size, 1, "tensor_parallel_size", ranges::kTensorParallelSize),
          .device_timeout = options.device_timeout,
          .device_ordinals = {}};
}

std::int32_t num_replicas(const EngineOptions& options) {
  return value_or(options.data_parallel_size, 1, "data_parallel_size", ranges::kDataParallelSize);
}

// The largest options produce sums far below the limit of 32 bits: overflow in a constant expression would
// not compile.
constexpr SchedulerOptions kLargest{
    .max_num_batched_tokens = static_cast<std::int32_t>(ranges::kBatchedTokens.most) - 1,
    .max_num_seqs = static_cast<std::int32_t>(ranges::kNumSeqs.most),
    .max_model_len = static_cast<std::int32_t>(ranges::kModelLen.most),
    .prefix_cache_tokens = static_cast<std::int32_t>(ranges::kPrefixCacheTokens.most)};
static_assert(kLargest.num_slots() > 0 && kLargest.max_ranges() > 0 &&
              kLargest.cache_slots() * static_cast<std::int32_t>(ranges::kDataParallelSize.most) > 0);

// Called before anything is loaded.
void check_options(const EngineOptions& options) {
  const double threads = double{1.0} * options.num_threads * num_replicas(options);
  backend_options(options);
  if (!ranges::kThreads.contains(threads)) {
    throw Error(ErrorCode::kInvalidArgument, {.member = "num_threads"},
                fmt::format("{} for each of {} replicas are {} threads, and at most {} make sense",
                            options.num_threads, num_replicas(options), threads, ranges::kThreads.most));
  }
  require_in_range(std::chrono::duration<double>(options.device_timeout).count(), "device_timeout",
                   ranges::kSeconds);
}

// The options of one replica: its share of the GPUs and processors.
BackendOptions replica_options(const EngineOptions& options, const DeviceChoice& choice,
                               std::int32_t replica) {
  BackendOptions own = backend_options(options);
  own.device = choice.device;
  if (own.num_threads == 0) {
    own.num_threads = std::max(1, ThreadPool::available_processors() / num_replicas(options));
  }
  if (!choice.gpus.empty()) {
    const auto first = choice.gpus.begin() + std::ptrdiff_t{replica} * own.tensor_parallel_size;
    own.device_ordinals.assign(first, first + own.tensor_parallel_size);
  }
  return own;
}

// The arithmetic of all replicas, measured once: each of them could choose differently. Unset if there is no
// choice.
std::optional<BackendInfo> chosen_arithmetic(const EngineOptions& options, const DeviceChoice& choice,
                                             DataType checkpoint) {
  if (choice.device != "cpu") return std::nullopt;
  return preview_backend(replica_options(options, choice, 0), checkpoint);
}

// A single request waits for its texts to be encoded, so helpers reduce its latency. On a CPU the processors
// are needed by the backend, and a forward pass takes so long that encoding time does not matter.
int num_encoding_threads(const EngineOptions& options, const Backend& backend) {
  constexpr int kMost = 7;
  if (backend.max_in_flight() == 1) return 0;
  return std::clamp(ThreadPool::available_processors() / num_replicas(options) / 2 - 1, 0, kMost);
}

BackendLimits backend_limits(const SchedulerOptions& scheduler) {
  return {.max_tokens = scheduler.max_num_batched_tokens,
          .max_segments = scheduler.max_segments(),
          .max_scores = scheduler.max_num_seqs,
          .max_ranges = scheduler.max_ranges(),
          .num_slots = std::max(1, scheduler.num_slots())};  // a store needs at least one row
}

void say_why(const DeviceChoice& choice) {
  if (choice.is_surprise) {
    log::warn("running on the CPU: {}", choice.reason);
  } else {
    log::debug("device {}: {}", choice.device, choice.reason);
  }
}

void fill_info(const EngineOptions& options, const Checkpoint& checkpoint, const Reranker& reranker,
               const DeviceChoice& choice, LoadedModel& loaded) {
  const BackendInfo backend = loaded.replicas.front().backend->info();
  EngineInfo& info = loaded.info;
  info.model = options.model;
  info.identity = checkpoint.identity();
  info.architecture = reranker.architecture;
  info.device = backend.device;
  info.device_name = choice.gpu_names;
  info.device_reason = choice.reason;
  info.dtype = backend.dtype;
  info.quantization = options.quantization;
  info.instruction_set = backend.instruction_set;
  info.dtype_reason = backend.dtype_reason;
  info.weight_cache = backend.weight_cache;
  info.prompt = loaded.encoder->prompt().name;
  info.default_instruction = loaded.encoder->prompt().default_instruction;
  info.score_function = loaded.replicas.front().score.text();
  info.score_source = reranker.source;
  info.declares_logits = !loaded.replicas.front().score.sigmoid && options.activation == "auto";
  info.tensor_parallel_size = std::max(1, options.tensor_parallel_size);
  info.data_parallel_size = num_replicas(options);
  info.num_threads = backend.num_threads;
  info.max_positions = reranker.spec.max_positions;
  info.max_model_len = loaded.scheduler.max_model_len;
  info.max_num_batched_tokens = loaded.scheduler.max_num_batched_tokens;
  info.max_num_seqs = loaded.scheduler.max_num_seqs;
  info.prefix_cache_tokens = loaded.scheduler.prefix_cache_tokens;
  info.prefix_cache_capacity = loaded.scheduler.cache_slots() * num_replicas(options);
  info.weight_bytes = backend.weight_bytes;
  info.workspace_bytes = backend.workspace_bytes;
}

}  // namespace

Tokenizer load_tokenizer(const EngineOptions& options) {
  return Tokenizer::load(tokenizer_location(options.model, options.tokenizer));
}

BackendInfo preview_backend(const EngineOptions& options, const TransformerSpec& model, DataType matrices) {
  const DeviceChoice choice = choose_device(backend_options(options), num_replicas(options), &model);
  BackendInfo info = preview_backend(replica_options(options, choice, 0), matrices);
  info.device_name = choice.gpu_names;
  info.device_reason = choice.reason;
  return info;
}

PromptChoice prompt_choice(const EngineOptions& options) {
  return {.prompt = options.prompt, .suffix = options.prompt_suffix, .activation = options.activation};
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
  check_options(options);
  const std::shared_ptr<Checkpoint> checkpoint = open_model(options.model, cache_directory(options));
  const Reranker reranker = read_reranker(*checkpoint, prompt_choice(options));
  Tokenizer tokenizer = load_tokenizer(options);
  if (tokenizer.vocab_size() > reranker.spec.vocab) {
    throw Error(
        ErrorCode::kInvalidArgument,
        fmt::format(
            "the tokenizer has ids up to {}, the model's vocab_size is {}: they do not belong together",
            tokenizer.vocab_size() - 1, reranker.spec.vocab));
  }
  const DeviceChoice choice = choose_device(backend_options(options), num_replicas(options), &reranker.spec);
  say_why(choice);
  LoadedModel loaded;
  const AnswerIds answers = answer_ids(tokenizer, *checkpoint, reranker);
  const Prompt& prompt = reranker.declared.prompt;
  require_frame_in_prompt(tokenizer, prompt, *checkpoint);
  const EncoderOptions encoding{
      .parse_special_tokens = options.parse_special_tokens,
      .max_model_len = max_model_len(options, prompt, tokenizer, reranker.spec.max_positions),
      .num_token_types = reranker.spec.num_token_types};
  loaded.encoder = std::make_shared<RequestEncoder>(std::move(tokenizer), prompt, encoding);
  loaded.scheduler = scheduler_options(options, *loaded.encoder, defaults_of(choice.device));
  // Uploading to a GPU does not need the identity, so the files are hashed in parallel.
  const auto hashed = std::async(choice.device == "cuda" ? std::launch::async : std::launch::deferred,
                                 [&checkpoint] { checkpoint->identity(); });
  const auto arithmetic = chosen_arithmetic(options, choice, reranker.matrix_type(*checkpoint));
  // Sequentially: the first replica packs the weights that the others then find packed.
  for (std::int32_t replica = 0; replica < num_replicas(options); ++replica) {
    LoadedReplica& own = loaded.replicas.emplace_back();
    own.model = create_model(checkpoint, reranker, answers, loaded.scheduler.max_model_len);
    BackendOptions backend = replica_options(options, choice, replica);
    if (arithmetic) backend.dtype = arithmetic->dtype;
    own.backend = create_backend(backend);
    own.score = reranker.declared.score;
    own.backend->load(own.model->weights(), backend_limits(loaded.scheduler));
    own.num_encoding_threads = num_encoding_threads(options, *own.backend);
    // A CPU that computes on the engine's own threads can be slow but does not hang.
    if (own.backend->max_in_flight() > 1) own.device_timeout = options.device_timeout;
  }
  fill_info(options, *checkpoint, reranker, choice, loaded);
  if (arithmetic) loaded.info.dtype_reason = arithmetic->dtype_reason;
  for (LoadedReplica& replica : loaded.replicas) {
    if (!replica.backend->needs_weights_later()) replica.model->release_weights();
  }
  return loaded;
}

}  // namespace rerank
