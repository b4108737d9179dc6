// The steps after the layers: the scored rows and their logits.
#include <algorithm>

#include "backend/cuda/device_rank.h"
#include "backend/cuda/size.h"

namespace rerank::cuda {

std::int64_t DeviceRank::head_bytes() const {
  if (spec_.head.empty()) return 0;
  std::int32_t widest = spec_.hidden;
  for (const HeadStep& step : spec_.head) widest = std::max(widest, step.outputs);
  return std::int64_t{4} * limits_.max_scores * widest;
}

void DeviceRank::reserve_head() {
  if (spec_.head.empty()) return;
  for (DeviceBuffer& buffer : head_) {
    buffer = DeviceBuffer(size(head_bytes()));
  }
  // The logits of "no", which a classification head does not write.
  for (Forward& forward : forwards_) {
    std::fill_n(forward.logits.as<float>(), size(2 * limits_.max_scores), 0.0f);
  }
}

void DeviceRank::pool() {
  add_now();
  Forward& forward = current();
  const BatchLayout& layout = forward.layout;
  std::byte* block = forward.device.as<std::byte>();
  num_rows_ = layout.num_scores();
  if (spec_.pooling == Pooling::kMean) {
    launch_mean({.x = hidden_now_->rows,
                 .first_rows = layout.scored_rows.at(block),
                 .num_tokens = layout.scored_tokens.at(block),
                 .norm = row_norm(weights_.final_norm),
                 .out = scored_hidden_.rows,
                 .num_rows = num_rows_},
                stream_.get());
    launched("mean");
  } else {
    launch_gather(hidden_now_->rows, layout.scored_rows.at(block), scored_hidden_.rows, num_rows_,
                  stream_.get());
    launched("gather");
  }
  hidden_now_ = &scored_hidden_;
  pieces_ = layout.scored_pieces();
  gathered_ = true;
}

void DeviceRank::head() {
  add_now();
  Forward& forward = current();
  if (spec_.head.empty()) {
    launch_head({.x = hidden_now_->rows,
                 .norm = weights_.final_norm.weight.as<float>(),
                 .no = weights_.head_no.as<float>(),
                 .yes = weights_.head_yes.as<float>(),
                 .logits = forward.logits.as<float>(),
                 .num_rows = num_rows_,
                 .eps = spec_.norm_eps},
                stream_.get());
  } else {
    run_head();
  }
  launched("head");
  RERANK_CUDA_CHECK(cudaEventRecord(forward.done->get(), stream_.get()));
}

void DeviceRank::run_head() {
  const RowNorm norm = spec_.pooling == Pooling::kMean ? RowNorm{} : row_norm(weights_.final_norm);
  float* x = head_[0].as<float>();
  launch_norm_rows(hidden_now_->rows, norm, x, num_rows_, stream_.get());
  for (std::size_t i = 0; i < weights_.head.size(); ++i) {
    const DeviceHeadStep& step = weights_.head[i];
    if (step.step.kind == HeadStep::Kind::kLayerNorm) {
      launch_head_norm(x, {NormKind::kLayer, step.weight.as<float>(), step.bias.as<float>(), step.step.eps},
                       num_rows_, step.inputs, stream_.get());
      continue;
    }
    const bool is_last = i + 1 == weights_.head.size();
    float* out = is_last                     ? current().logits.as<float>() + 1
                 : x == head_[0].as<float>() ? head_[1].as<float>()
                                             : head_[0].as<float>();
    launch_head_dense({.x = x,
                       .weight = step.weight.as<float>(),
                       .bias = step.bias.as<float>(),
                       .divisor = step.step.divisor,
                       .activation = step.step.activation,
                       .out = out,
                       .num_rows = num_rows_,
                       .inputs = step.inputs,
                       .outputs = step.step.outputs,
                       .out_stride = is_last ? 2 : step.step.outputs},
                      stream_.get());
    x = out;
  }
}

}  // namespace rerank::cuda
