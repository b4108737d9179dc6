#include "backend/cuda/device_rank.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "backend/cuda/kernel_sets.h"
#include "backend/cuda/size.h"
#include "rerank/error.h"

namespace rerank::cuda {
namespace {

double gib(std::size_t bytes) {
  return static_cast<double>(bytes) / (1 << 30);
}

}  // namespace

DeviceRank::DeviceRank(TransformerWeights& weights, const BackendLimits& limits, const RankOptions& options)
    : options_(options),
      spec_(shard_shape(weights.spec(), options.shard)),
      has_row_norms_(cuda::has_row_norms(spec_)),
      limits_(limits) {
  ffn_ = padded_ffn(spec_.ffn);
  cudaDeviceProp properties{};
  RERANK_CUDA_CHECK(cudaGetDeviceProperties(&properties, options_.device));
  num_processors_ = properties.multiProcessorCount;
  kernels_ = make_kernel_set(compute_capability(properties),
                             {.spec = spec_,
                              .max_tokens = limits_.max_tokens,
                              .num_processors = num_processors_,
                              .adds_products = options_.shard.count == 1 && !has_row_norms_,
                              .stream = stream_.get()});
  weight_bytes_ = cuda::weight_bytes(spec_, options_.type);
  workspace_bytes_ = activation_bytes() + store_bytes() + kernels_->workspace_bytes();
  check_memory(weights.spec());
  weights_ = upload_weights(weights, options_.shard, options_.type, *kernels_);
  reserve();
  reserve_head();
  fill_frequencies();
  // The last layer is never quantized.
  const DeviceLayer& last = weights_.layers.back();
  store_ = DeviceBuffer(store_bytes());
  kernels_->load(qkv_.as<DeviceBFloat16>(), store_.as<DeviceBFloat16>(),
                 std::int64_t{spec_.num_layers} * limits_.num_slots,
                 std::array{last.output.operand, last.down.operand});
}

std::size_t DeviceRank::activation_bytes() const {
  const std::int64_t columns = std::int64_t{spec_.hidden} + spec_.qkv_dim() + spec_.query_dim() + ffn_;
  const std::int64_t quantized =
      is_quantized(options_.type) ? spec_.hidden + spec_.query_dim() + ffn_ + 12 : 0;
  const std::int64_t squares = std::int64_t{4} * num_square_parts(spec_.hidden);
  const std::int64_t normed = has_row_norms_ ? 2 * spec_.hidden : 0;
  return size(limits_.max_tokens * (2 * columns + spec_.hidden + squares + quantized + normed) +
              limits_.max_scores * (std::int64_t{3} * spec_.hidden + squares) + 2 * largest_sum().size() +
              2 * head_bytes());
}

std::size_t DeviceRank::store_bytes() const {
  return size(std::int64_t{2} * spec_.num_layers * limits_.num_slots * 2 * spec_.kv_dim());
}

void DeviceRank::check_memory(const TransformerSpec& whole) const {
  std::size_t free = 0, total = 0;
  RERANK_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  const auto allowed = static_cast<std::size_t>(options_.gpu_memory_utilization * static_cast<double>(total));
  const std::size_t needed = weight_bytes_ + workspace_bytes_;
  if (needed + (total - free) <= allowed && needed <= free) return;
  throw Error(
      ErrorCode::kUnsupported,
      fmt::format("GPU {} has {:.1f} GiB, {:.1f} of them free, and may be filled to {:.0f}% "
                  "(gpu_memory_utilization); "
                  "this model needs {:.1f}: {:.1f} for {} of its weights, {:.1f} for a forward of {} tokens "
                  "(max_num_batched_tokens), {:.1f} for {} tokens of keys and values (prefix_cache_tokens, "
                  "max_model_len)",
                  options_.device, gib(total), gib(free), 100 * options_.gpu_memory_utilization, gib(needed),
                  gib(weight_bytes_), options_.shard.count == 1 ? "all" : "its share",
                  gib(activation_bytes() + kernels_->workspace_bytes()), limits_.max_tokens,
                  gib(store_bytes()), limits_.num_slots) +
          (whole.num_heads != spec_.num_heads ? "" : "; several GPUs can share it (tensor_parallel_size)"));
}

DeviceRank::Hidden DeviceRank::make_hidden(std::int64_t num_rows) {
  const std::int64_t numbers = num_rows * spec_.hidden;
  Hidden made{.high = DeviceBuffer::zeros(size(2 * numbers)),
              .low = DeviceBuffer(size(numbers)),
              // With row norms nothing writes them, but pool() copies them.
              .squares = DeviceBuffer::zeros(size(4 * num_rows * num_square_parts(spec_.hidden)))};
  made.rows = {made.high.as<DeviceBFloat16>(), made.low.as<std::int8_t>(), made.squares.as<float>(),
               spec_.hidden};
  made.operand = kernels_->operand(NumberType::kBFloat16, made.rows.high, nullptr, num_rows, spec_.hidden);
  return made;
}

DeviceRank::Rows DeviceRank::make_rows(std::int32_t columns, bool has_values) {
  const std::int64_t elements = std::int64_t{limits_.max_tokens} * columns;
  Rows rows;
  rows.columns = columns;
  if (has_values) {
    rows.values = DeviceBuffer::zeros(size(2 * elements));
    rows.operand = kernels_->operand(NumberType::kBFloat16, rows.values.as<void>(), nullptr,
                                     limits_.max_tokens, columns);
  }
  if (is_quantized(options_.type)) {
    rows.quantized_values = DeviceBuffer::zeros(size(elements));
    // Each row of the residual has a scale; e4m3 values of other activations need none.
    if (!has_values || options_.type != NumberType::kE4m3) {
      rows.scales = DeviceBuffer(size(std::int64_t{4} * limits_.max_tokens));
    }
    rows.quantized = {options_.type, rows.quantized_values.as<std::uint8_t>(), rows.scales.as<float>()};
    rows.quantized_operand = kernels_->operand(options_.type, rows.quantized.values, rows.quantized.scales,
                                               limits_.max_tokens, columns);
  }
  return rows;
}

// Inputs of attention and products are initialized: these read past the last row and discard the results. So
// is added_, since compute-sanitizer does not see the stores of cuBLASLt.
void DeviceRank::reserve() {
  const std::int64_t tokens = limits_.max_tokens, scores = limits_.max_scores;
  hidden_ = make_hidden(tokens);
  scored_hidden_ = make_hidden(scores);
  added_ = DeviceBuffer::zeros(size(2 * largest_sum().size()));
  qkv_ = DeviceBuffer::zeros(size(2 * tokens * spec_.qkv_dim()) + kAttentionOverread);
  normed_ = make_rows(spec_.hidden, has_row_norms_);
  attention_ = make_rows(spec_.query_dim(), true);
  ffn_rows_ = make_rows(ffn_, true);
  for (Forward& forward : forwards_) {
    forward.layout = BatchLayout(limits_, spec_, num_processors_);
    forward.host = PinnedBuffer(forward.layout.size_bytes());
    forward.device = DeviceBuffer(forward.layout.size_bytes());
    forward.logits = PinnedBuffer(size(2 * 4 * scores));
    forward.copied = std::make_unique<Event>();
    forward.done = std::make_unique<Event>();
  }
}

void DeviceRank::fill_frequencies() {
  std::vector<std::vector<float>> all = spec_.rotations;
  all.emplace_back(size(spec_.head_dim / 2));
  for (const std::vector<float>& frequencies : all) {
    frequencies_.emplace_back(frequencies.size() * sizeof(float));
    RERANK_CUDA_CHECK(cudaMemcpy(frequencies_.back().as<void>(), frequencies.data(),
                                 frequencies_.back().size_bytes(), cudaMemcpyHostToDevice));
  }
}

DeviceBFloat16* DeviceRank::store(std::int32_t layer) const {
  return store_.as<DeviceBFloat16>() + std::int64_t{layer} * limits_.num_slots * 2 * spec_.kv_dim();
}

void DeviceRank::begin(const PackedBatch& batch) {
  if (num_begun_ - num_finished_ == kInFlight) {  // the oldest was given up
    const Event given_up;
    RERANK_CUDA_CHECK(cudaEventRecord(given_up.get(), stream_.get()));
    await(given_up, options_.device, options_.patience);
    ++num_finished_;
  }
  ++num_begun_;
  Forward& forward = current();
  forward.layout.fill(batch, forward.host.as<std::byte>());
  // Overlaps with the previous forward pass.
  RERANK_CUDA_CHECK(cudaMemcpyAsync(forward.device.as<void>(), forward.host.as<void>(),
                                    forward.layout.size_bytes(), cudaMemcpyHostToDevice, copies_.get()));
  RERANK_CUDA_CHECK(cudaEventRecord(forward.copied->get(), copies_.get()));
  RERANK_CUDA_CHECK(cudaStreamWaitEvent(stream_.get(), forward.copied->get()));
  kernels_->begin();
  num_rows_ = forward.layout.num_tokens();
  pieces_ = forward.layout.all_pieces();
  gathered_ = false;
  is_to_be_added_ = false;
  hidden_now_ = &hidden_;
}

void DeviceRank::embed() {
  std::byte* block = current().device.as<std::byte>();
  const BatchLayout& layout = current().layout;
  const DeviceBFloat16* table = weights_.embedding.as<DeviceBFloat16>();
  if (has_row_norms_) {
    launch_embed_sum({.table = table,
                      .ids = layout.ids.at(block),
                      .scale = spec_.embedding_scale,
                      .position_table = weights_.position_embedding.as<float>(),
                      .position_rows = layout.position_rows.at(block),
                      .type_table = weights_.type_embedding.as<float>(),
                      .types = layout.types.at(block),
                      .norm = row_norm(weights_.embedding_norm),
                      .out = hidden_now_->rows,
                      .num_rows = num_rows_},
                     stream_.get());
  } else {
    launch_embed(table, layout.ids.at(block), spec_.embedding_scale, hidden_now_->rows, num_rows_,
                 stream_.get());
  }
  launched("embed");
}

void DeviceRank::add_norm(const RowNorm& norm, DeviceBFloat16* out) {
  launch_add_norm({.x = hidden_now_->rows,
                   .added = is_to_be_added_ ? added() : nullptr,
                   .bias = added_bias_,
                   .norm = norm,
                   .out = out,
                   .num_rows = num_rows_},
                  stream_.get());
  is_to_be_added_ = false;
  launched("norm");
}

void DeviceRank::add_now() {
  if (!is_to_be_added_) return;
  if (has_row_norms_) return add_norm(norm_behind_, nullptr);
  launch_add(added(), hidden_now_->rows, num_rows_, stream_.get());
  is_to_be_added_ = false;
  launched("add");
}

// Products of bfloat16 after RMSNorm read the hidden states directly and scale their results.
void DeviceRank::prepare_norm(bool quantized, const DeviceNorm& norm) {
  if (has_row_norms_ && spec_.norm_place == NormPlace::kBefore) {
    return add_norm(row_norm(norm), normed_.values.as<DeviceBFloat16>());
  }
  if (!quantized) return add_now();
  launch_norm_quantized({.x = hidden_now_->rows,
                         .added = is_to_be_added_ ? added() : nullptr,
                         .out = normed_.quantized,
                         .num_rows = num_rows_,
                         .eps = spec_.norm_eps},
                        stream_.get());
  is_to_be_added_ = false;
  launched("norm");
}

QkvArguments DeviceRank::qkv_arguments(std::int32_t index, Projection projection) {
  const std::int32_t rotation = spec_.attention_of(index).rotation;
  std::byte* block = current().device.as<std::byte>();
  const BatchLayout& layout = current().layout;
  return {.qkv = qkv_.as<DeviceBFloat16>(),
          .store = store(index),
          .query_norm = layer(index).query_norm.as<float>(),
          .key_norm = layer(index).key_norm.as<float>(),
          .bias = layer(index).qkv_bias.as<float>(),
          .frequencies =
              frequencies_[rotation == kNoRotation ? frequencies_.size() - 1 : size(rotation)].as<float>(),
          .positions = gathered_ ? layout.scored_positions.at(block) : layout.positions.at(block),
          .slots = layout.slots.at(block),
          .first_head = projection == Projection::kKeyValue ? spec_.num_heads : 0,
          .end_head =
              projection == Projection::kQuery ? spec_.num_heads : spec_.num_heads + 2 * spec_.num_kv_heads,
          .num_heads = spec_.num_heads,
          .num_kv_heads = spec_.num_kv_heads,
          .head_dim = spec_.head_dim,
          .eps = spec_.norm_eps};
}

void DeviceRank::qkv(std::int32_t index, Projection projection) {
  const DeviceLayer& w = layer(index);
  prepare_norm(w.is_quantized(), w.attention_norm);
  kernels_->qkv(norm_product(w, w.qkv), qkv_arguments(index, projection));
  launched_by_set("GEMM query/key/value");
}

void DeviceRank::attention(std::int32_t index) {
  std::byte* block = current().device.as<std::byte>();
  const BatchLayout& layout = current().layout;
  kernels_->attention({.shape = attention_shape(),
                       .out = attention_.to(layer(index)),
                       .items = layout.items.at(block),
                       .runs = layout.runs.at(block),
                       .pieces = layout.pieces.at(block) + pieces_.first,
                       .num_turns = pieces_.num_turns,
                       .num_blocks = pieces_.num_blocks,
                       .first_slot = index * limits_.num_slots,
                       .is_causal = spec_.mask == Mask::kCausal,
                       .window = spec_.attention_of(index).window});
  launched_by_set("attention");
}

void DeviceRank::quantize(const DeviceLayer& w, const Rows& x, const char* name) {
  if (!w.is_quantized() || w.makes_e4m3()) return;
  launch_quantize(x.values.as<DeviceBFloat16>(), nullptr, x.quantized, num_rows_, x.columns, stream_.get());
  launched(name);
}

void DeviceRank::add_product(const Rows& x, const DeviceMatrix& weight, const char* name) {
  const bool quantized = is_quantized(weight.operand.type);
  is_to_be_added_ = !kernels_->add_product(
      {quantized ? x.quantized_operand : x.operand, weight.operand, num_rows_}, hidden_now_->rows, added());
  launched_by_set(name);
}

void DeviceRank::attention_output(std::int32_t index) {
  const DeviceLayer& w = layer(index);
  quantize(w, attention_, "quantize attention");
  add_product(attention_, w.output, "GEMM output");
  add_later(w.output_bias, w.attention_norm);
}

void DeviceRank::mlp_in(std::int32_t index) {
  const DeviceLayer& w = layer(index);
  prepare_norm(w.is_quantized(), w.mlp_norm);
  kernels_->mlp_in(norm_product(w, w.gate_up), {ffn_rows_.to(w), w.gate_up_bias.as<float>(), ffn_});
  launched_by_set("GEMM gate, up");
  quantize(w, ffn_rows_, "quantize ffn");
}

void DeviceRank::mlp_out(std::int32_t index) {
  const DeviceLayer& w = layer(index);
  add_product(ffn_rows_, w.down, "GEMM down");
  add_later(w.down_bias, w.mlp_norm);
}

void DeviceRank::finish(std::span<float> logits) {
  check(num_finished_ < num_begun_, "nothing was begun that could be finished");
  Forward& forward = forwards_[num_finished_ % kInFlight];
  check(logits.size() == 2 * size(forward.layout.num_scores()), "finish asks for another number of logits");
  await(*forward.done, options_.device, options_.patience);
  std::copy_n(forward.logits.as<float>(), logits.size(), logits.begin());
  ++num_finished_;
}

}  // namespace rerank::cuda
