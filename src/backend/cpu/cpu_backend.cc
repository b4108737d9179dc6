#include "backend/cpu/cpu_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "backend/cpu/row_tiles.h"
#include "rerank/error.h"

namespace rerank::cpu {
namespace {

constexpr std::int32_t kMaxQueries = 256;  // of an attention block

ActivationFunction activation_of(MlpActivation activation) {
  switch (activation) {
    case MlpActivation::kSilu:
      return ActivationFunction::kSilu;
    case MlpActivation::kGeluTanh:
      return ActivationFunction::kGeluTanh;
    default:
      return ActivationFunction::kGelu;
  }
}

// The number of columns of the widest row that the head processes.
std::int32_t widest_state(const PackedModel& model, std::int32_t hidden) {
  std::int32_t widest = hidden;
  for (const PackedHeadStep& step : model.head) widest = std::max(widest, step.stride);
  return widest;
}

}  // namespace

CpuBackend::CpuBackend(const BackendOptions& options)
    : options_(options),
      pool_(options.num_threads > 0 ? options.num_threads : ThreadPool::available_processors()) {}

void CpuBackend::load(TransformerWeights& weights, const BackendLimits& limits) {
  spec_ = weights.spec();
  check_spec();
  choice_ = choose_kernels(options_, weights.type());
  kernels_ = choice_.kernels;
  const PackedForm form = packed_form(weights, kernels_->arithmetic.weights, choice_.int8 != nullptr);
  weights_ = std::make_unique<PackedWeights>(weights, form, options_.cache_directory, pool_);
  reserve(limits);
  fill_rotations();
  choose_steps();
}

void CpuBackend::check_spec() const {
  const auto require_multiple = [](std::int32_t value, std::int32_t factor, const char* key) {
    if (value % factor != 0) {
      throw Error(ErrorCode::kUnsupported,
                  fmt::format("{} is {}; the cpu backend takes multiples of {}, the reference backend any",
                              key, value, factor));
    }
  };
  require_multiple(spec_.hidden, 32, "hidden_size");
  require_multiple(spec_.head_dim, 16, "head_dim");
  require_multiple(spec_.query_dim(), 32, "num_attention_heads * head_dim");
  require(spec_.head_dim <= kMaxHeadDim, "head_dim is above 256; the reference backend takes any",
          ErrorCode::kUnsupported);
  if (options_.quantization != "none" &&
      std::max({spec_.hidden, spec_.query_dim(), padded_ffn(spec_)}) > kMaxInt8Columns) {
    throw Error(ErrorCode::kUnsupported, {.member = "quantization"},
                fmt::format("int8 on the cpu takes rows of at most {} values", kMaxInt8Columns));
  }
  for (std::int32_t layer = 0; layer < spec_.num_layers; ++layer) {
    check(spec_.norm_place == NormPlace::kBefore || spec_.attention_of(layer).has_norm,
          "norms come behind the steps, and a layer has none");
  }
}

void CpuBackend::choose_steps() {
  norms_behind_ = spec_.norm_place == NormPlace::kBehind;
  activation_ = activation_of(spec_.activation);
  plans_.clear();
  for (std::int32_t layer = 0; layer < spec_.num_layers; ++layer) {
    const LayerAttention attention = spec_.attention_of(layer);
    LayerPlan& plan = plans_.emplace_back();
    if (attention.rotation != kNoRotation) {
      plan.rotation = &rotations_[static_cast<std::size_t>(attention.rotation)];
      plan.finish_heads = spec_.qk_norm ? kernels_->norm_rotate : kernels_->rotate;
    } else if (spec_.qk_norm) {
      plan.finish_heads = kernels_->norm_heads;
    }
    const std::int32_t reach = attention.window > 0 ? attention.window : kUnbounded;
    plan.reach_back = reach;
    plan.reach_ahead = spec_.mask == Mask::kCausal ? 0 : reach;
  }
}

const Kernels& CpuBackend::kernels_of(std::int32_t layer) const {
  return weights_->form().is_quantized(layer) ? *choice_.int8 : *kernels_;
}

void CpuBackend::reserve(const BackendLimits& limits) {
  limits_ = limits;
  const auto size = [](std::int32_t count) { return static_cast<std::size_t>(count); };
  const std::size_t tokens = size(limits.max_tokens);
  const auto threads = static_cast<std::size_t>(pool_.num_threads());
  const std::int32_t group = spec_.num_heads / spec_.num_kv_heads;
  ffn_ = padded_ffn(spec_);
  kv_row_bytes_ = size(spec_.kv_dim()) * format_bytes(kernels_->arithmetic.keys);
  block_positions_ = std::max(1, kMaxQueries / group);
  scratch_bytes_ =
      (attention_scratch_bytes(*kernels_, spec_.head_dim, block_positions_ * group) + 4095) / 4096 * 4096;

  const std::size_t state_bytes =
      size(limits.max_scores) * size(widest_state(weights_->model(), spec_.hidden)) * 4;
  const auto tiles_bytes = [&](std::int32_t k) {
    const std::size_t whole = row_tiles_bytes(*kernels_, limits.max_tokens, k);
    return choice_.int8 == nullptr ? whole
                                   : std::max(whole, row_tiles_bytes(*choice_.int8, limits.max_tokens, k));
  };
  const std::int32_t staged_columns = choice_.int8 == nullptr ? 0 : std::max(spec_.query_dim(), ffn_);
  const std::pair<MemoryBlock*, std::size_t> blocks[] = {
      {&hidden_, tokens * size(spec_.hidden) * 4},
      {&qkv_, tokens * size(spec_.qkv_dim()) * 4},
      {&norm_tiles_, tiles_bytes(spec_.hidden)},
      {&attention_tiles_, tiles_bytes(spec_.query_dim())},
      {&ffn_tiles_, tiles_bytes(ffn_)},
      {&staged_, tokens * size(staged_columns) * 4},
      {&kept_, size(spec_.num_layers) * 2 * size(limits.num_slots) * kv_row_bytes_},
      {&transient_, 2 * tokens * kv_row_bytes_},
      {&scratch_, threads * scratch_bytes_},
      {&state_[0], state_bytes},
      {&state_[1], state_bytes}};
  const std::size_t ranges = size(limits.max_ranges) + 1;
  std::size_t total_bytes = threads * ranges * sizeof(KeyRun);
  for (const auto& [block, size_bytes] : blocks) total_bytes += size_bytes;
  require_memory(total_bytes,
                 "keys, values and activations for these prefix_cache_tokens, max_model_len, "
                 "max_num_batched_tokens, max_num_seqs and num_threads");
  for (const auto& [block, size_bytes] : blocks) *block = MemoryBlock(size_bytes);

  runs_.assign(threads, {});
  for (std::vector<KeyRun>& runs : runs_) runs.reserve(ranges);
  const std::size_t segments = size(limits.max_segments);
  batch_.ids.reserve(tokens);
  batch_.segments.reserve(segments);
  batch_.ranges.reserve(size(limits.max_ranges));
  positions_.reserve(tokens);
  position_rows_.reserve(spec_.num_position_rows > 0 ? tokens : 0);
  types_.reserve(spec_.num_token_types > 0 ? tokens : 0);
  slots_.reserve(tokens);
  blocks_.reserve((tokens / size(block_positions_) + segments) * size(spec_.num_kv_heads));
  logits_.reserve(2 * size(limits.max_scores));
}

void CpuBackend::fill_rotations() {
  const std::int32_t half = spec_.head_dim / 2;
  const std::size_t size = static_cast<std::size_t>(spec_.max_positions) * static_cast<std::size_t>(half);
  rotations_.clear();
  for (const std::vector<float>& frequencies : spec_.rotations) {
    Rotation& rotation = rotations_.emplace_back();
    rotation.cosine.resize(size);
    rotation.sine.resize(size);
    pool_.parallel_for(spec_.max_positions, [&](std::int64_t position, int) {
      for (std::int32_t i = 0; i < half; ++i) {
        const std::size_t at = static_cast<std::size_t>(position * half + i);
        const float angle = static_cast<float>(position) * frequencies[static_cast<std::size_t>(i)];
        rotation.cosine[at] = std::cos(angle);
        rotation.sine[at] = std::sin(angle);
      }
    });
  }
}

BackendInfo CpuBackend::info() const {
  const std::size_t workspace = hidden_.size_bytes() + qkv_.size_bytes() + norm_tiles_.size_bytes() +
                                attention_tiles_.size_bytes() + ffn_tiles_.size_bytes() +
                                staged_.size_bytes() + kept_.size_bytes() + transient_.size_bytes() +
                                scratch_.size_bytes() + state_[0].size_bytes() + state_[1].size_bytes();
  return {.device = "cpu",
          .dtype = to_string(kernels_->arithmetic.rows),
          .quantization = options_.quantization,
          .instruction_set = kernels_->instruction_set,
          .dtype_reason = choice_.reason,
          .weight_cache = weights_->cache_file(),
          .num_threads = pool_.num_threads(),
          .weight_bytes = weights_->size_bytes(),
          .workspace_bytes = static_cast<std::int64_t>(workspace)};
}

void CpuBackend::begin(const PackedBatch& batch) {
  check(batch.num_tokens() <= limits_.max_tokens && batch.num_scores <= limits_.max_scores &&
            batch.segments.size() <= static_cast<std::size_t>(limits_.max_segments) &&
            batch.ranges.size() <= static_cast<std::size_t>(limits_.max_ranges),
        "a batch is larger than the backend's limits");
  batch_ = batch;
  num_rows_ = batch.num_tokens();
  positions_.clear();
  slots_.clear();
  blocks_.clear();
  types_.clear();
  position_rows_.resize(spec_.num_position_rows > 0 ? static_cast<std::size_t>(num_rows_) : 0);
  logits_.assign(2 * static_cast<std::size_t>(batch.num_scores), 0.0f);
  for (std::size_t s = 0; s < batch.segments.size(); ++s) {
    const Segment& segment = batch.segments[s];
    check(spec_.mask == Mask::kCausal || segment.num_ranges == 0,
          "a segment has ancestors, and attention goes both ways");
    for (std::int32_t i = 0; i < segment.num_tokens; ++i) {
      positions_.push_back(segment.first_position + i);
      slots_.push_back(segment.slot == kNotKept ? kNotKept : segment.slot + i);
    }
    add_table_rows(segment);
    add_attention_blocks(static_cast<std::int32_t>(s), segment.first_row, segment.num_tokens,
                         segment.first_position);
  }
}

void CpuBackend::add_table_rows(const Segment& segment) {
  if (spec_.num_token_types > 0) {
    check(segment.type_border >= segment.num_tokens || spec_.num_token_types > 1,
          "a token has a type that the model lacks");
    for (std::int32_t i = 0; i < segment.num_tokens; ++i) types_.push_back(i >= segment.type_border ? 1 : 0);
  }
  if (spec_.num_position_rows == 0) return;
  check(spec_.position_offset + segment.num_tokens <= spec_.num_position_rows,
        "a segment is longer than the table of positions");
  fill_position_rows(spec_, batch_, segment,
                     std::span(position_rows_).subspan(static_cast<std::size_t>(segment.first_row)));
}

void CpuBackend::add_attention_blocks(std::int32_t segment, std::int32_t row, std::int32_t num_rows,
                                      std::int32_t position) {
  for (std::int32_t i = 0; i < num_rows; i += block_positions_) {
    for (std::int32_t head = 0; head < spec_.num_kv_heads; ++head) {
      blocks_.push_back({segment, row + i, std::min(block_positions_, num_rows - i), position + i, head});
    }
  }
}

void CpuBackend::finish(std::span<float> logits) {
  check(logits.size() == logits_.size(), "finish asks for another number of logits");
  std::copy(logits_.begin(), logits_.end(), logits.begin());
}

}  // namespace rerank::cpu
