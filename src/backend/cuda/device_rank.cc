#include "backend/cuda/device_rank.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "rerank/error.h"

namespace rerank::cuda {
namespace {

std::size_t size(std::int64_t n) {
  return static_cast<std::size_t>(n);
}

double gib(std::size_t bytes) {
  return static_cast<double>(bytes) / (1 << 30);
}

}  // namespace

DeviceRank::DeviceRank(DecoderWeights& weights, const BackendLimits& limits, const RankOptions& options)
    : options_(options), shape_(shard_shape(weights.shape(), options.shard)), limits_(limits) {
  ffn_ = padded_ffn(shape_.ffn);
  check_shape();
  cudaDeviceProp properties{};
  RERANK_CUDA_CHECK(cudaGetDeviceProperties(&properties, options_.device));
  num_processors_ = properties.multiProcessorCount;
  weight_bytes_ = cuda::weight_bytes(shape_, options_.quantize);
  workspace_bytes_ = activation_bytes() + store_bytes() + GemmLibrary::kWorkspaceBytes;
  check_memory(weights.shape());
  weights_ = upload_weights(weights, options_.shard, options_.quantize);
  reserve();
  fill_frequencies();
  choose_products();
  store_ = DeviceBuffer(store_bytes());
  prepare_attention(shape_.head_dim);
  prepare_fused_gemms(shape_.head_dim);
  normed_view_ = gemm_view(normed_.values.as<DeviceBFloat16>(), limits_.max_tokens, shape_.hidden);
  views_ =
      make_attention_views(attention_shape(), qkv_.as<DeviceBFloat16>(), limits_.max_tokens,
                           store_.as<DeviceBFloat16>(), std::int64_t{shape_.num_layers} * limits_.num_slots);
}

void DeviceRank::check_shape() const {
  const auto require_multiple = [](std::int32_t value, std::int32_t of, const char* key) {
    if (value % of == 0) return;
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{} is {}; the cuda backend takes multiples of {} (--device cpu may take it)",
                            key, value, of));
  };
  require_multiple(shape_.hidden, 16, "hidden_size");
  if (shape_.hidden > kMaxNormColumns || ffn_ > 2 * kMaxNormColumns) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("the cuda backend takes hidden_size up to {} and intermediate_size up to {}",
                            kMaxNormColumns, 2 * kMaxNormColumns));
  }
  if (shape_.head_dim != 32 && shape_.head_dim != 64 && shape_.head_dim != 128) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("head_dim is {}; the cuda backend takes 32, 64 and 128", shape_.head_dim));
  }
  require(shape_.num_heads / shape_.num_kv_heads <= 64,
          "the cuda backend takes up to 64 query heads of a key head", ErrorCode::kUnsupported);
}

std::size_t DeviceRank::activation_bytes() const {
  const std::int64_t columns = 3 * shape_.hidden + shape_.qkv_dim() + shape_.query_dim() + ffn_;
  const std::int64_t quantized =
      options_.quantize ? shape_.hidden + shape_.query_dim() + ffn_ + 12 + 2 * 2 * ffn_ : 0;
  return size(limits_.max_tokens * (2 * columns + quantized) +
              std::int64_t{4} * limits_.max_scores * shape_.hidden);
}

std::size_t DeviceRank::store_bytes() const {
  return size(std::int64_t{2} * shape_.num_layers * limits_.num_slots * 2 * shape_.kv_dim());
}

void DeviceRank::check_memory(const DecoderShape& whole) const {
  std::size_t free = 0, total = 0;
  RERANK_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  const auto allowed = static_cast<std::size_t>(options_.gpu_memory_utilization * static_cast<double>(total));
  const std::size_t needed = weight_bytes_ + workspace_bytes_;
  if (needed + (total - free) <= allowed && needed <= free) return;
  throw Error(
      ErrorCode::kUnsupported,
      fmt::format(
          "GPU {} has {:.1f} GiB, {:.1f} of them free, and may be filled to {:.0f}% "
          "(--gpu-memory-utilization); "
          "this model needs {:.1f}: {:.1f} for {} of its weights, {:.1f} for a forward of {} tokens "
          "(--max-num-batched-tokens), {:.1f} for {} tokens of keys and values (--prefix-cache-tokens, "
          "--max-model-len)",
          options_.device, gib(total), gib(free), 100 * options_.gpu_memory_utilization, gib(needed),
          gib(weight_bytes_), options_.shard.count == 1 ? "all" : "its share", gib(activation_bytes()),
          limits_.max_tokens, gib(store_bytes()), limits_.num_slots) +
          (whole.num_heads != shape_.num_heads ? "" : "; several GPUs can share it: --tensor-parallel-size"));
}

DeviceRank::Rows DeviceRank::make_rows(std::int32_t columns) const {
  const std::int64_t elements = std::int64_t{limits_.max_tokens} * columns;
  Rows rows{.values = DeviceBuffer(size(2 * elements)), .quantized = {}, .scales = {}};
  if (options_.quantize) {
    rows.quantized = DeviceBuffer(size(elements));
    rows.scales = DeviceBuffer(size(4 * limits_.max_tokens));
  }
  return rows;
}

void DeviceRank::reserve() {
  const std::int64_t tokens = limits_.max_tokens, scores = limits_.max_scores;
  hidden_ = DeviceBuffer(size(4 * tokens * shape_.hidden));
  scored_hidden_ = DeviceBuffer(size(4 * scores * shape_.hidden));
  qkv_ = DeviceBuffer(size(2 * tokens * shape_.qkv_dim()) + kAttentionOverread);
  RERANK_CUDA_CHECK(cudaMemset(qkv_.as<void>(), 0, qkv_.size_bytes()));  // attention looks past the last row
  normed_ = make_rows(shape_.hidden);
  attention_ = make_rows(shape_.query_dim());
  if (options_.quantize) gate_up_ = DeviceBuffer(size(2 * tokens * 2 * ffn_));
  ffn_rows_ = make_rows(ffn_);
  logits_ = DeviceBuffer(size(2 * 4 * scores));
  for (Forward& forward : forwards_) {
    forward.layout = BatchLayout(limits_, attention_tokens(shape_.num_heads, shape_.num_kv_heads));
    forward.host = PinnedBuffer(forward.layout.size_bytes());
    forward.device = DeviceBuffer(forward.layout.size_bytes());
    forward.host_logits = PinnedBuffer(size(2 * 4 * scores));
    forward.done = std::make_unique<Event>();
  }
}

void DeviceRank::fill_frequencies() {
  std::vector<float> frequencies(size(shape_.head_dim / 2));
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = shape_.rotary_frequency(static_cast<std::int32_t>(i));
  }
  frequencies_ = DeviceBuffer(frequencies.size() * sizeof(float));
  RERANK_CUDA_CHECK(cudaMemcpy(frequencies_.as<void>(), frequencies.data(), frequencies_.size_bytes(),
                               cudaMemcpyHostToDevice));
}

void DeviceRank::choose_products() {
  const std::int64_t tokens = limits_.max_tokens;
  const std::int32_t widest_in = std::max({shape_.hidden, shape_.query_dim(), ffn_});
  const std::int32_t widest_out = std::max({2 * shape_.hidden, shape_.qkv_dim(), 2 * ffn_});
  DeviceBuffer x(size(2 * tokens * widest_in)), quantized(size(tokens * widest_in)), scales(size(4 * tokens)),
      wanted(size(2 * tokens * widest_out)), found(size(2 * tokens * widest_out)), count(4);
  const GemmTrial trial{.x = x.as<DeviceBFloat16>(),
                        .quantized_x = {quantized.as<std::uint8_t>(), scales.as<float>()},
                        .wanted = wanted.as<void>(),
                        .found = found.as<void>(),
                        .num_different = count.as<std::uint32_t>()};
  products_ = choose(false, weights_.layers.back(), trial);
  for (const DeviceLayer& layer : weights_.layers) {
    if (!layer.quantized) continue;
    quantized_products_ = choose(true, layer, trial);
    break;
  }
}

DeviceRank::Products DeviceRank::choose(bool quantized, const DeviceLayer& layer, const GemmTrial& trial) {
  const auto product = [&](std::int32_t outputs, std::int32_t inputs, std::int32_t out_stride,
                           bool accumulate, const DeviceMatrix& matrix) {
    return Gemm(library_, {outputs, inputs, out_stride, accumulate, quantized}, limits_.max_tokens,
                matrix.operand(), trial, stream_.get());
  };
  Products chosen{.output = product(shape_.hidden, shape_.query_dim(), shape_.hidden, true, layer.output),
                  .down = product(shape_.hidden, ffn_, shape_.hidden, true, layer.down)};
  if (quantized) {
    chosen.qkv = product(shape_.qkv_dim(), shape_.hidden, shape_.qkv_dim(), false, layer.qkv);
    chosen.key_value = product(2 * shape_.kv_dim(), shape_.hidden, shape_.qkv_dim(), false, layer.qkv);
    chosen.query = product(shape_.query_dim(), shape_.hidden, shape_.qkv_dim(), false, layer.qkv);
    chosen.gate_up = product(2 * ffn_, shape_.hidden, 2 * ffn_, false, layer.gate_up);
  }
  return chosen;
}

DeviceBFloat16* DeviceRank::store(std::int32_t layer) const {
  return store_.as<DeviceBFloat16>() + std::int64_t{layer} * limits_.num_slots * 2 * shape_.kv_dim();
}

void DeviceRank::begin(const PackedBatch& batch) {
  if (num_begun_ - num_finished_ == kInFlight) {  // the oldest was given up
    RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
    ++num_finished_;
  }
  ++num_begun_;
  Forward& forward = current();
  forward.layout.fill(batch, forward.host.as<std::byte>());
  RERANK_CUDA_CHECK(cudaMemcpyAsync(forward.device.as<void>(), forward.host.as<void>(),
                                    forward.layout.size_bytes(), cudaMemcpyHostToDevice, stream_.get()));
  num_rows_ = forward.layout.num_tokens();
  items_ = forward.layout.all_items();
  gathered_ = false;
  hidden_now_ = hidden_.as<float>();
}

void DeviceRank::embed() {
  launch_embed(weights_.embedding.as<DeviceBFloat16>(),
               current().layout.ids.at(current().device.as<std::byte>()), hidden_now_, num_rows_,
               shape_.hidden, stream_.get());
  mark("embed");
}

void DeviceRank::norm(const float* weight, bool quantized) {
  launch_rms_norm({.x = hidden_now_,
                   .weight = weight,
                   .out = normed_.values.as<DeviceBFloat16>(),
                   .quantized = quantized ? normed_.e4m3() : QuantizedRows{},
                   .num_rows = num_rows_,
                   .hidden = shape_.hidden,
                   .eps = shape_.rms_norm_eps},
                  stream_.get());
  mark("norm");
}

QkvArguments DeviceRank::qkv_arguments(std::int32_t index, Projection projection) {
  std::byte* block = current().device.as<std::byte>();
  const BatchLayout& layout = current().layout;
  return {.qkv = qkv_.as<DeviceBFloat16>(),
          .store = store(index),
          .query_norm = layer(index).query_norm.as<float>(),
          .key_norm = layer(index).key_norm.as<float>(),
          .frequencies = frequencies_.as<float>(),
          .positions = gathered_ ? layout.scored_positions.at(block) : layout.positions.at(block),
          .slots = layout.slots.at(block),
          .first_head = projection == Projection::kKeyValue ? shape_.num_heads : 0,
          .end_head = projection == Projection::kQuery ? shape_.num_heads
                                                       : shape_.num_heads + 2 * shape_.num_kv_heads,
          .num_heads = shape_.num_heads,
          .num_kv_heads = shape_.num_kv_heads,
          .head_dim = shape_.head_dim,
          .eps = shape_.rms_norm_eps};
}

void DeviceRank::norm_qkv_rope(std::int32_t index, Projection projection) {
  const DeviceLayer& w = layer(index);
  norm(w.input_norm.as<float>(), w.quantized);
  const QkvArguments qkv = qkv_arguments(index, projection);
  if (w.quantized) return quantized_qkv(w, qkv);
  launch_qkv(fused(w.qkv_view), qkv, stream_.get());
  mark("GEMM query/key/value");
}

void DeviceRank::quantized_qkv(const DeviceLayer& w, const QkvArguments& qkv) {
  const Products& p = quantized_products_;
  const bool queries = qkv.first_head == 0, keys = qkv.end_head > qkv.num_heads;
  const Gemm& gemm = queries && keys ? p.qkv : keys ? p.key_value : p.query;
  const std::int32_t first = qkv.first_head * shape_.head_dim;
  gemm.run(library_, normed_.operand(true), w.qkv.operand_from(first, shape_.hidden), qkv.qkv + first,
           num_rows_, stream_.get());
  mark("GEMM query/key/value");
  launch_rotary(qkv, num_rows_, stream_.get());
  mark("head norms, rotation");
}

void DeviceRank::attention(std::int32_t index) {
  std::byte* block = current().device.as<std::byte>();
  const BatchLayout& layout = current().layout;
  launch_attention({.views = views_,
                    .shape = attention_shape(),
                    .out = attention_.values.as<DeviceBFloat16>(),
                    .items = layout.items.at(block) + items_.first,
                    .runs = layout.runs.at(block),
                    .num_items = items_.count,
                    .first_slot = index * limits_.num_slots,
                    .num_processors = num_processors_},
                   stream_.get());
  mark("attention");
}

// The first shard adds its part to the residual, the others send theirs alone.
void DeviceRank::drop_residual() {
  if (options_.shard.index == 0 || num_rows_ == 0) return;
  RERANK_CUDA_CHECK(cudaMemsetAsync(hidden_now_, 0, static_cast<std::size_t>(hidden_size()) * sizeof(float),
                                    stream_.get()));
}

void DeviceRank::attention_output(std::int32_t index) {
  const DeviceLayer& w = layer(index);
  if (w.quantized) {
    launch_quantize(attention_.values.as<DeviceBFloat16>(), attention_.e4m3(), num_rows_, shape_.query_dim(),
                    stream_.get());
    mark("quantise attention");
  }
  drop_residual();
  products(index).output.run(library_, attention_.operand(w.quantized), w.output.operand(), hidden_now_,
                             num_rows_, stream_.get());
  mark("GEMM output");
}

void DeviceRank::norm_gate_up(std::int32_t index) {
  const DeviceLayer& w = layer(index);
  norm(w.attention_norm.as<float>(), w.quantized);
  if (w.quantized) {
    products(index).gate_up.run(library_, normed_.operand(true), w.gate_up.operand(),
                                gate_up_.as<DeviceBFloat16>(), num_rows_, stream_.get());
    mark("GEMM gate, up");
    launch_swiglu_quantized(gate_up_.as<DeviceBFloat16>(), ffn_rows_.e4m3(), num_rows_, ffn_, stream_.get());
    mark("SwiGLU");
  } else {
    launch_gate_up(fused(w.gate_up_view), ffn_rows_.values.as<DeviceBFloat16>(), ffn_, stream_.get());
    mark("GEMM gate, up");
  }
}

void DeviceRank::down(std::int32_t index) {
  const DeviceLayer& w = layer(index);
  drop_residual();
  products(index).down.run(library_, ffn_rows_.operand(w.quantized), w.down.operand(), hidden_now_, num_rows_,
                           stream_.get());
  mark("GEMM down");
}

void DeviceRank::gather_scored() {
  Forward& forward = current();
  num_rows_ = forward.layout.num_scores();
  launch_gather(hidden_now_, forward.layout.scored_rows.at(forward.device.as<std::byte>()),
                scored_hidden_.as<float>(), num_rows_, shape_.hidden, stream_.get());
  mark("gather");
  hidden_now_ = scored_hidden_.as<float>();
  items_ = forward.layout.scored_items();
  gathered_ = true;
}

void DeviceRank::score_head() {
  launch_head({.x = hidden_now_,
               .norm = weights_.final_norm.as<float>(),
               .no = weights_.head_no.as<float>(),
               .yes = weights_.head_yes.as<float>(),
               .logits = logits_.as<float>(),
               .num_rows = num_rows_,
               .hidden = shape_.hidden,
               .eps = shape_.rms_norm_eps},
              stream_.get());
  mark("head");
  Forward& forward = current();
  RERANK_CUDA_CHECK(cudaMemcpyAsync(forward.host_logits.as<float>(), logits_.as<float>(), size(num_rows_) * 8,
                                    cudaMemcpyDeviceToHost, stream_.get()));
  RERANK_CUDA_CHECK(cudaEventRecord(forward.done->get(), stream_.get()));
}

void DeviceRank::finish(std::span<float> logits) {
  check(num_finished_ < num_begun_, "nothing was begun that could be finished");
  Forward& forward = forwards_[num_finished_ % kInFlight];
  check(logits.size() == 2 * size(forward.layout.num_scores()), "finish asks for another number of logits");
  RERANK_CUDA_CHECK(cudaEventSynchronize(forward.done->get()));
  std::copy_n(forward.host_logits.as<float>(), logits.size(), logits.begin());
  ++num_finished_;
}

std::vector<std::pair<std::string, const Gemm*>> DeviceRank::chosen_products(bool quantized) const {
  if (!quantized) return {{"output", &products_.output}, {"down", &products_.down}};
  const Products& p = quantized_products_;
  return {{"query/key/value", &p.qkv}, {"key/value", &p.key_value}, {"query", &p.query},
          {"output", &p.output},       {"gate, up", &p.gate_up},    {"down", &p.down}};
}

}  // namespace rerank::cuda
