// The end of the forward pass: pooling, and the head in float32.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <numbers>
#include <utility>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/row_tiles.h"

namespace rerank::cpu {
namespace {

constexpr std::int32_t kOutputsOfTask = 32;
constexpr std::int32_t kHeadVector = 16;  // states are padded with zeros to multiples of it

float activate(HeadStep::Activation activation, float x) {
  switch (activation) {
    case HeadStep::Activation::kTanh:
      return std::tanh(x);
    case HeadStep::Activation::kGelu:
      return x / 2 * (1 + std::erf(x / std::numbers::sqrt2_v<float>));
    default:
      return x;
  }
}

// In place, with sums in float64.
void layer_norm(const PackedHeadStep& step, float eps, float* x) {
  double mean = 0, squares = 0;
  for (std::int32_t i = 0; i < step.inputs; ++i) mean += x[i];
  mean /= step.inputs;
  for (std::int32_t i = 0; i < step.inputs; ++i) squares += (x[i] - mean) * (x[i] - mean);
  const double scale = 1 / std::sqrt(squares / step.inputs + eps);
  for (std::int32_t i = 0; i < step.inputs; ++i)
    x[i] = static_cast<float>((x[i] - mean) * scale * step.weight[i] + step.bias[i]);
}

}  // namespace

void CpuBackend::pool() {
  blocks_.clear();
  move(Step::kHead, 0, [&] {
    spec_.pooling == Pooling::kMean ? average_scored() : gather_scored();
    if (norms_behind_) pack_hidden(*kernels_);
  });
}

void CpuBackend::gather_scored() {
  num_rows_ = 0;
  const auto hidden = static_cast<std::size_t>(spec_.hidden);
  for (std::size_t s = 0; s < batch_.segments.size(); ++s) {
    const Segment& segment = batch_.segments[s];
    if (segment.score == kNotScored) continue;
    const auto to = static_cast<std::size_t>(num_rows_);
    const auto from = static_cast<std::size_t>(
        segment.first_row + (spec_.pooling == Pooling::kLast ? segment.num_tokens - 1 : 0));
    // Scores are in the order of rows, so the destination row has already been gathered.
    std::memmove(hidden_.as<float>() + to * hidden, hidden_.as<float>() + from * hidden, hidden * 4);
    positions_[to] = positions_[from];
    add_attention_blocks(static_cast<std::int32_t>(s), num_rows_, 1, positions_[to]);
    ++num_rows_;
  }
}

void CpuBackend::average_scored() {
  if (spec_.has_final_norm) {
    for_row_tiles(*kernels_, [&](std::int32_t first, std::int32_t end) {
      norms_of(*kernels_).to_rows(norm_task(weights_->model().final_norm, first, end));
    });
  }
  constexpr std::int32_t kColumns = 64;
  const std::int32_t column_blocks = ceil_divide(spec_.hidden, kColumns);
  const auto num_segments = static_cast<std::int64_t>(batch_.segments.size());
  pool_.parallel_for(num_segments * column_blocks, [&](std::int64_t task, int) {
    const Segment& segment = batch_.segments[static_cast<std::size_t>(task / column_blocks)];
    if (segment.score == kNotScored) return;
    const auto column = static_cast<std::int32_t>(task % column_blocks) * kColumns;
    const std::int32_t columns = std::min(kColumns, spec_.hidden - column);
    double sums[kColumns] = {};
    for (std::int32_t i = 0; i < segment.num_tokens; ++i) {
      const float* x = hidden_.as<float>() + std::int64_t{segment.first_row + i} * spec_.hidden + column;
      for (std::int32_t c = 0; c < columns; ++c) sums[c] += x[c];
    }
    float* to = state_[0].as<float>() + std::int64_t{segment.score} * spec_.hidden + column;
    for (std::int32_t c = 0; c < columns; ++c) to[c] = static_cast<float>(sums[c] / segment.num_tokens);
  });
  num_rows_ = batch_.num_scores;
  std::memcpy(hidden_.data(), state_[0].data(),
              static_cast<std::size_t>(num_rows_) * static_cast<std::size_t>(spec_.hidden) * 4);
}

void CpuBackend::head() {
  move(Step::kHead, 0, [&] { score_rows(); });
}

void CpuBackend::score_rows() {
  const PackedModel& model = weights_->model();
  const bool normed = !spec_.has_final_norm || spec_.pooling == Pooling::kMean;
  pool_.parallel_for(num_rows_, [&](std::int64_t row, int) {
    const auto r = static_cast<std::int32_t>(row);
    float* x = state_[0].as<float>() + row * spec_.hidden;
    if (normed) {
      std::copy_n(hidden_.as<float>() + row * spec_.hidden, spec_.hidden, x);
    } else {
      NormTask task = norm_task(model.final_norm, r, r + 1);
      task.out = state_[0].as<float>();
      norms_of(*kernels_).to_rows(task);
    }
    if (!spec_.head.empty()) return;
    logits_[static_cast<std::size_t>(2 * row)] = kernels_->dot(x, model.head_no, spec_.hidden);
    logits_[static_cast<std::size_t>(2 * row + 1)] = kernels_->dot(x, model.head_yes, spec_.hidden);
  });
  if (spec_.head.empty()) return;
  int from = 0;
  for (std::size_t step = 0; step < spec_.head.size(); ++step) {
    run_head_step(step, from);
    if (spec_.head[step].kind == HeadStep::Kind::kDense) from = 1 - from;
  }
  for (std::int32_t row = 0; row < num_rows_; ++row)
    logits_[static_cast<std::size_t>(2 * row + 1)] = state_[from].as<float>()[row * kHeadVector];
}

void CpuBackend::run_head_step(std::size_t index, int from) {
  const HeadStep& step = spec_.head[index];
  const PackedHeadStep& packed = weights_->model().head[index];
  float* x = state_[from].as<float>();
  if (step.kind == HeadStep::Kind::kLayerNorm) {
    for (std::int32_t row = 0; row < num_rows_; ++row)
      layer_norm(packed, step.eps, x + std::int64_t{row} * packed.stride);
    return;
  }
  float* out = state_[1 - from].as<float>();
  const std::int32_t out_stride = ceil_divide(step.outputs, kHeadVector) * kHeadVector;
  // Each row of the matrix is used for all states, so that it is read once.
  pool_.parallel_for(ceil_divide(out_stride, kOutputsOfTask), [&](std::int64_t task, int) {
    const auto first = static_cast<std::int32_t>(task) * kOutputsOfTask;
    for (std::int32_t output = first; output < std::min(first + kOutputsOfTask, out_stride); ++output) {
      for (std::int32_t row = 0; row < num_rows_; ++row) {
        float& to = out[std::int64_t{row} * out_stride + output];
        if (output >= step.outputs) {
          to = 0;
          continue;
        }
        const float sum = kernels_->dot(x + std::int64_t{row} * packed.stride,
                                        packed.weight + std::int64_t{output} * packed.stride, packed.stride);
        to = activate(step.activation, (sum + packed.bias[output]) / step.divisor);
      }
    }
  });
}

}  // namespace rerank::cpu
