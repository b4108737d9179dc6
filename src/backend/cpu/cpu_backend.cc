#include "backend/cpu/cpu_backend.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "backend/cpu/gemm.h"
#include "backend/cpu/row_tiles.h"
#include "backend/encoder_keys.h"
#include "rerank/error.h"

namespace rerank::cpu {
namespace {

constexpr std::int32_t kMaxQueries = 256;  // of an attention block
constexpr std::int32_t kRowsOfTask = 8;    // of steps that walk rows

}  // namespace

CpuBackend::CpuBackend(const BackendOptions& options)
    : options_(options),
      pool_(options.num_threads > 0 ? options.num_threads : ThreadPool::available_processors()) {}

void CpuBackend::load(TransformerWeights& weights, const BackendLimits& limits) {
  spec_ = weights.spec();
  check_shape();
  choice_ = choose_kernels(options_, weights.type());
  kernels_ = choice_.kernels;
  rope_ = spec_.qk_norm ? kernels_->norm_rope : kernels_->rope;
  qkv_epilogue_ = spec_.qkv_bias ? Epilogue::kStoreBiased : Epilogue::kStore;
  mlp_epilogue_ = spec_.activation == MlpActivation::kSilu ? Epilogue::kSiluGate : Epilogue::kGeluTanhGate;
  weights_ =
      std::make_unique<PackedWeights>(weights, kernels_->arithmetic.weights, options_.cache_directory, pool_);
  reserve(limits);
  fill_rotations();
}

void CpuBackend::check_shape() const {
  const std::string beyond = first_encoder_key(spec_);
  require(beyond.empty(), "the cpu backend does not compute " + beyond + "; the reference backend does",
          ErrorCode::kUnsupported);
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

  const std::pair<MemoryBlock*, std::size_t> blocks[] = {
      {&hidden_, tokens * size(spec_.hidden) * 4},
      {&qkv_, tokens * size(spec_.qkv_dim()) * 4},
      {&norm_tiles_, row_tiles_bytes(*kernels_, limits.max_tokens, spec_.hidden)},
      {&attention_tiles_, row_tiles_bytes(*kernels_, limits.max_tokens, spec_.query_dim())},
      {&ffn_tiles_, row_tiles_bytes(*kernels_, limits.max_tokens, ffn_)},
      {&kept_, size(spec_.num_layers) * 2 * size(limits.num_slots) * kv_row_bytes_},
      {&transient_, 2 * tokens * kv_row_bytes_},
      {&scratch_, threads * scratch_bytes_}};
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
  slots_.reserve(tokens);
  blocks_.reserve((tokens / size(block_positions_) + segments) * size(spec_.num_kv_heads));
  logits_.reserve(2 * size(limits.max_scores));
}

void CpuBackend::fill_rotations() {
  const std::int32_t half = spec_.head_dim / 2;
  const std::size_t size = static_cast<std::size_t>(spec_.max_positions) * static_cast<std::size_t>(half);
  cosine_.resize(size);
  sine_.resize(size);
  const std::vector<float>& frequencies = spec_.rotations.front();
  pool_.parallel_for(spec_.max_positions, [&](std::int64_t position, int) {
    for (std::int32_t i = 0; i < half; ++i) {
      const std::size_t at = static_cast<std::size_t>(position * half + i);
      const float angle = static_cast<float>(position) * frequencies[static_cast<std::size_t>(i)];
      cosine_[at] = std::cos(angle);
      sine_[at] = std::sin(angle);
    }
  });
}

BackendInfo CpuBackend::info() const {
  const std::size_t workspace = hidden_.size_bytes() + qkv_.size_bytes() + norm_tiles_.size_bytes() +
                                attention_tiles_.size_bytes() + ffn_tiles_.size_bytes() + kept_.size_bytes() +
                                transient_.size_bytes() + scratch_.size_bytes();
  return {.device = "cpu",
          .dtype = to_string(kernels_->arithmetic.rows),
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
  logits_.assign(2 * static_cast<std::size_t>(batch.num_scores), 0.0f);
  for (std::size_t s = 0; s < batch.segments.size(); ++s) {
    const Segment& segment = batch.segments[s];
    for (std::int32_t i = 0; i < segment.num_tokens; ++i) {
      positions_.push_back(segment.first_position + i);
      slots_.push_back(segment.slot == kNotKept ? kNotKept : segment.slot + i);
    }
    add_attention_blocks(static_cast<std::int32_t>(s), segment.first_row, segment.num_tokens,
                         segment.first_position);
  }
}

void CpuBackend::add_attention_blocks(std::int32_t segment, std::int32_t row, std::int32_t num_rows,
                                      std::int32_t position) {
  for (std::int32_t i = 0; i < num_rows; i += block_positions_) {
    for (std::int32_t head = 0; head < spec_.num_kv_heads; ++head) {
      blocks_.push_back({segment, row + i, std::min(block_positions_, num_rows - i), position + i, head});
    }
  }
}

void CpuBackend::embed() {
  const std::int32_t hidden = spec_.hidden;
  const TensorView& embedding = weights_->model().embedding;
  pool_.parallel_for(num_rows_, [&](std::int64_t row, int) {
    const std::int64_t id = batch_.ids[static_cast<std::size_t>(row)];
    const std::span<float> to(hidden_.as<float>() + row * hidden, static_cast<std::size_t>(hidden));
    widen(embedding, id * hidden, to);
    if (spec_.embedding_scale == 1) return;
    for (float& x : to) x *= spec_.embedding_scale;
  });
}

const PackedLayer& CpuBackend::weights(std::int32_t layer) const {
  return weights_->model().layers[static_cast<std::size_t>(layer)];
}

void CpuBackend::norm(const float* weight) {
  const std::int32_t rows_of_task = kernels_->tile_rows;
  pool_.parallel_for(ceil_divide(num_rows_, rows_of_task), [&](std::int64_t task, int) {
    const auto first = static_cast<std::int32_t>(task) * rows_of_task;
    kernels_->norm({.x = hidden_.as<float>(),
                    .weight = weight,
                    .eps = spec_.norm_eps,
                    .first_row = first,
                    .end_row = std::min(first + rows_of_task, num_rows_),
                    .tiles = {norm_tiles_.data(), spec_.hidden}});
  });
}

void CpuBackend::multiply(const PackedMatrix& matrix, GemmTask task) {
  task.num_rows = num_rows_;
  task.panels = matrix.panels;
  run_gemm(pool_, *kernels_, task);
}

void CpuBackend::qkv(std::int32_t layer, Projection projection) {
  norm(weights(layer).attention_norm);
  const std::int32_t query_panels = spec_.query_dim() / kPanelColumns;
  const PackedMatrix& matrix = weights(layer).qkv;
  multiply(matrix, {.rows = {norm_tiles_.data(), spec_.hidden},
                    .first_panel = projection == Projection::kKeyValue ? query_panels : 0,
                    .end_panel = projection == Projection::kQuery ? query_panels : matrix.num_panels,
                    .epilogue = qkv_epilogue_,
                    .out = qkv_.as<float>(),
                    .out_stride = spec_.qkv_dim(),
                    .bias = weights(layer).qkv_bias});
  rotate_and_keep(layer, projection);
}

std::byte* CpuBackend::kept(std::int32_t layer, int which, std::int32_t slot) const {
  const std::size_t rows =
      static_cast<std::size_t>(layer * 2 + which) * static_cast<std::size_t>(limits_.num_slots);
  return kept_.data() + (rows + static_cast<std::size_t>(slot)) * kv_row_bytes_;
}

std::byte* CpuBackend::transient(int which, std::int32_t row) const {
  const std::size_t rows = static_cast<std::size_t>(which) * static_cast<std::size_t>(limits_.max_tokens);
  return transient_.data() + (rows + static_cast<std::size_t>(row)) * kv_row_bytes_;
}

void CpuBackend::rotate_and_keep(std::int32_t layer, Projection projection) {
  const PackedLayer& w = weights(layer);
  const std::int32_t half = spec_.head_dim / 2;
  pool_.parallel_for(ceil_divide(num_rows_, kRowsOfTask), [&](std::int64_t task, int) {
    const auto first = static_cast<std::int32_t>(task) * kRowsOfTask;
    for (std::int32_t row = first; row < std::min(first + kRowsOfTask, num_rows_); ++row) {
      float* query = qkv_.as<float>() + std::int64_t{row} * spec_.qkv_dim();
      float* key = query + spec_.query_dim();
      const std::int64_t position = positions_[static_cast<std::size_t>(row)];
      RopeTask rope{.x = query,
                    .num_heads = spec_.num_heads,
                    .head_dim = spec_.head_dim,
                    .weight = w.query_norm,
                    .eps = spec_.norm_eps,
                    .cosine = cosine_.data() + position * half,
                    .sine = sine_.data() + position * half};
      if (projection != Projection::kKeyValue) rope_(rope);
      if (projection == Projection::kQuery) continue;
      rope.x = key;
      rope.num_heads = spec_.num_kv_heads;
      rope.weight = w.key_norm;
      rope_(rope);
      const std::int32_t slot = slots_[static_cast<std::size_t>(row)];
      for (int which = 0; which < 2; ++which) {
        kernels_->store_kv(key + which * spec_.kv_dim(),
                           slot == kNotKept ? transient(which, row) : kept(layer, which, slot),
                           spec_.kv_dim());
      }
    }
  });
}

void CpuBackend::attention(std::int32_t layer) {
  pool_.parallel_for(static_cast<std::int64_t>(blocks_.size()), [&](std::int64_t block, int thread) {
    attend(blocks_[static_cast<std::size_t>(block)], layer, thread);
  });
}

void CpuBackend::attend(const AttentionBlock& block, std::int32_t layer, int thread) {
  const Segment& segment = batch_.segments[static_cast<std::size_t>(block.segment)];
  const std::size_t head_bytes =
      static_cast<std::size_t>(block.kv_head * spec_.head_dim) * format_bytes(kernels_->arithmetic.keys);
  std::vector<KeyRun>& runs = runs_[static_cast<std::size_t>(thread)];
  runs.clear();
  const auto add_kept = [&](std::int32_t slot, std::int32_t num_tokens) {
    runs.push_back({kept(layer, 0, slot) + head_bytes, kept(layer, 1, slot) + head_bytes, num_tokens});
  };
  for (std::int32_t i = 0; i < segment.num_ranges; ++i) {
    const KeyRange& range = batch_.ranges[static_cast<std::size_t>(segment.first_range + i)];
    add_kept(range.slot, range.num_tokens);
  }
  if (segment.slot != kNotKept) {
    add_kept(segment.slot, segment.num_tokens);
  } else {
    runs.push_back({transient(0, segment.first_row) + head_bytes,
                    transient(1, segment.first_row) + head_bytes, segment.num_tokens});
  }
  const std::int32_t group = spec_.num_heads / spec_.num_kv_heads;
  const std::int32_t column = block.kv_head * group * spec_.head_dim;
  kernels_->attention({.runs = runs.data(),
                       .num_runs = static_cast<std::int32_t>(runs.size()),
                       .kv_stride = spec_.kv_dim(),
                       .head_dim = spec_.head_dim,
                       .group = group,
                       .first_position = block.position,
                       .num_rows = block.num_rows,
                       .queries = qkv_.as<float>() + std::int64_t{block.row} * spec_.qkv_dim() + column,
                       .query_stride = spec_.qkv_dim(),
                       .first_row = block.row,
                       .first_column = column,
                       .out = {attention_tiles_.data(), spec_.query_dim()},
                       .scratch = scratch_.data() + static_cast<std::size_t>(thread) * scratch_bytes_});
}

void CpuBackend::attention_output(std::int32_t layer) {
  const PackedMatrix& matrix = weights(layer).output;
  multiply(matrix, {.rows = {attention_tiles_.data(), spec_.query_dim()},
                    .end_panel = matrix.num_panels,
                    .epilogue = Epilogue::kAdd,
                    .out = hidden_.as<float>(),
                    .out_stride = spec_.hidden});
}

void CpuBackend::mlp_in(std::int32_t layer) {
  norm(weights(layer).mlp_norm);
  const PackedMatrix& matrix = weights(layer).gate_up;
  multiply(matrix, {.rows = {norm_tiles_.data(), spec_.hidden},
                    .end_panel = matrix.num_panels,
                    .epilogue = mlp_epilogue_,
                    .ffn = {ffn_tiles_.data(), ffn_}});
}

void CpuBackend::mlp_out(std::int32_t layer) {
  const PackedMatrix& matrix = weights(layer).down;
  multiply(matrix, {.rows = {ffn_tiles_.data(), ffn_},
                    .end_panel = matrix.num_panels,
                    .epilogue = Epilogue::kAdd,
                    .out = hidden_.as<float>(),
                    .out_stride = spec_.hidden});
}

void CpuBackend::pool() {
  blocks_.clear();
  num_rows_ = 0;
  const auto hidden = static_cast<std::size_t>(spec_.hidden);
  for (std::size_t s = 0; s < batch_.segments.size(); ++s) {
    const Segment& segment = batch_.segments[s];
    if (segment.score == kNotScored) continue;
    const std::int32_t last = segment.first_row + segment.num_tokens - 1;
    // Scores are in the order of rows, so a row moves up onto one that was gathered before.
    std::memmove(hidden_.as<float>() + static_cast<std::size_t>(num_rows_) * hidden,
                 hidden_.as<float>() + static_cast<std::size_t>(last) * hidden, hidden * 4);
    positions_[static_cast<std::size_t>(num_rows_)] = positions_[static_cast<std::size_t>(last)];
    add_attention_blocks(static_cast<std::int32_t>(s), num_rows_, 1,
                         positions_[static_cast<std::size_t>(num_rows_)]);
    ++num_rows_;
  }
}

void CpuBackend::head() {
  const PackedModel& model = weights_->model();
  pool_.parallel_for(num_rows_, [&](std::int64_t row, int) {
    const float* x = hidden_.as<float>() + row * spec_.hidden;
    float* logits = logits_.data() + 2 * row;
    logits[0] = kernels_->score(x, model.final_norm, model.head_no, spec_.hidden, spec_.norm_eps);
    logits[1] = kernels_->score(x, model.final_norm, model.head_yes, spec_.hidden, spec_.norm_eps);
  });
}

void CpuBackend::finish(std::span<float> logits) {
  check(logits.size() == logits_.size(), "finish asks for another number of logits");
  std::copy(logits_.begin(), logits_.end(), logits.begin());
}

}  // namespace rerank::cpu
