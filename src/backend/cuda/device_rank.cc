#include "backend/cuda/device_rank.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "backend/cuda/size.h"
#include "rerank/error.h"

namespace rerank::cuda {
namespace {

constexpr int kCountingProducts = 3;  // of a layer, all but its first

double gib(std::size_t bytes) {
  return static_cast<double>(bytes) / (1 << 30);
}

}  // namespace

DeviceRank::DeviceRank(TransformerWeights& weights, const BackendLimits& limits, const RankOptions& options)
    : options_(options), spec_(shard_shape(weights.spec(), options.shard)), limits_(limits) {
  ffn_ = padded_ffn(spec_.ffn);
  check_shape();
  cudaDeviceProp properties{};
  RERANK_CUDA_CHECK(cudaGetDeviceProperties(&properties, options_.device));
  num_processors_ = properties.multiProcessorCount;
  weight_bytes_ = cuda::weight_bytes(spec_, options_.type);
  workspace_bytes_ = activation_bytes() + store_bytes() + GemmLibrary::kWorkspaceBytes;
  check_memory(weights.spec());
  weights_ = upload_weights(weights, options_.shard, options_.type);
  reserve();
  fill_frequencies();
  prepare_attention(spec_.head_dim);
  prepare_fused_gemms(spec_.head_dim);
  choose_products();
  store_ = DeviceBuffer(store_bytes());
  views_ =
      make_attention_views(attention_shape(), qkv_.as<DeviceBFloat16>(), limits_.max_tokens,
                           store_.as<DeviceBFloat16>(), std::int64_t{spec_.num_layers} * limits_.num_slots);
}

void DeviceRank::check_shape() const {
  require(ffn_ <= 2 * kMaxNormColumns,
          fmt::format("the cuda backend takes intermediate_size up to {}", 2 * kMaxNormColumns),
          ErrorCode::kUnsupported);
  require(spec_.num_heads / spec_.num_kv_heads <= 64,
          "the cuda backend takes up to 64 query heads of a key head", ErrorCode::kUnsupported);
  require(spec_.num_kv_heads < 256, "the cuda backend takes fewer than 256 key heads",
          ErrorCode::kUnsupported);
}

std::size_t DeviceRank::activation_bytes() const {
  const std::int64_t columns = std::int64_t{spec_.hidden} + spec_.qkv_dim() + spec_.query_dim() + ffn_;
  const std::int64_t quantized =
      is_quantized(options_.type) ? spec_.hidden + spec_.query_dim() + ffn_ + 12 : 0;
  const std::int64_t squares = std::int64_t{4} * num_square_parts(spec_.hidden);
  return size(limits_.max_tokens * (2 * columns + spec_.hidden + squares + quantized) +
              limits_.max_scores * (std::int64_t{3} * spec_.hidden + squares) + 2 * largest_sum().size()) +
         counts_bytes();
}

std::size_t DeviceRank::counts_bytes() const {
  return size(std::int64_t{kCountingProducts} * spec_.num_layers * count_rows() * 4);
}

std::uint32_t* DeviceRank::next_counts() {
  if (num_counted_ == size(std::int64_t{kCountingProducts} * spec_.num_layers)) return nullptr;
  return counts_.as<std::uint32_t>() + num_counted_++ * size(count_rows());
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
                  gib(activation_bytes()), limits_.max_tokens, gib(store_bytes()), limits_.num_slots) +
          (whole.num_heads != spec_.num_heads ? "" : "; several GPUs can share it (tensor_parallel_size)"));
}

DeviceRank::Hidden DeviceRank::make_hidden(std::int64_t num_rows) const {
  const std::int64_t numbers = num_rows * spec_.hidden;
  Hidden made{.high = DeviceBuffer::zeros(size(2 * numbers)),
              .low = DeviceBuffer(size(numbers)),
              .squares = DeviceBuffer(size(4 * num_rows * num_square_parts(spec_.hidden)))};
  made.rows = {made.high.as<DeviceBFloat16>(), made.low.as<std::int8_t>(), made.squares.as<float>(),
               spec_.hidden};
  made.view = gemm_view(made.rows.high, num_rows, spec_.hidden);
  return made;
}

DeviceRank::Rows DeviceRank::make_rows(std::int32_t columns, bool has_values) const {
  const std::int64_t elements = std::int64_t{limits_.max_tokens} * columns;
  Rows rows;
  rows.columns = columns;
  if (has_values) {
    rows.values = DeviceBuffer::zeros(size(2 * elements));
    rows.view = gemm_view(rows.values.as<DeviceBFloat16>(), limits_.max_tokens, columns);
  }
  if (is_quantized(options_.type)) {
    rows.quantized_values = DeviceBuffer::zeros(size(elements));
    // Of the residual each row has a scale; of the others, if they are e4m3, none needs one.
    if (!has_values || options_.type != NumberType::kE4m3) {
      rows.scales = DeviceBuffer(size(std::int64_t{4} * limits_.max_tokens));
    }
    rows.quantized = {options_.type, rows.quantized_values.as<std::uint8_t>(), rows.scales.as<float>()};
    rows.quantized_view = gemm_view(rows.quantized, limits_.max_tokens, columns);
  }
  return rows;
}

// What attention and our products read is set: they look past the last row, and drop what comes of it. So is
// added_: compute-sanitizer does not see what cuBLASLt stores.
void DeviceRank::reserve() {
  const std::int64_t tokens = limits_.max_tokens, scores = limits_.max_scores;
  hidden_ = make_hidden(tokens);
  scored_hidden_ = make_hidden(scores);
  added_ = DeviceBuffer::zeros(size(2 * largest_sum().size()));
  qkv_ = DeviceBuffer::zeros(size(2 * tokens * spec_.qkv_dim()) + kAttentionOverread);
  normed_ = make_rows(spec_.hidden, false);
  attention_ = make_rows(spec_.query_dim(), true);
  ffn_rows_ = make_rows(ffn_, true);
  counts_ = DeviceBuffer(counts_bytes());
  for (Forward& forward : forwards_) {
    forward.layout = BatchLayout(limits_, attention_shape(), num_processors_);
    forward.host = PinnedBuffer(forward.layout.size_bytes());
    forward.device = DeviceBuffer(forward.layout.size_bytes());
    forward.logits = PinnedBuffer(size(2 * 4 * scores));
    forward.copied = std::make_unique<Event>();
    forward.done = std::make_unique<Event>();
  }
}

void DeviceRank::fill_frequencies() {
  std::vector<float> frequencies(size(spec_.head_dim / 2));
  for (std::size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = spec_.rotary_frequency(static_cast<std::int32_t>(i));
  }
  frequencies_ = DeviceBuffer(frequencies.size() * sizeof(float));
  RERANK_CUDA_CHECK(cudaMemcpy(frequencies_.as<void>(), frequencies.data(), frequencies_.size_bytes(),
                               cudaMemcpyHostToDevice));
}

// By the last layer, which is never quantised.
void DeviceRank::choose_products() {
  const std::int64_t tokens = limits_.max_tokens;
  DeviceBuffer x(size(2 * tokens * std::max(spec_.query_dim(), ffn_))),
      wanted(size(2 * tokens * spec_.hidden)), found(wanted.size_bytes()), count(4);
  const GemmTrial trial{.x = x.as<DeviceBFloat16>(),
                        .wanted = wanted.as<DeviceBFloat16>(),
                        .found = found.as<DeviceBFloat16>(),
                        .num_different = count.as<std::uint32_t>()};
  output_ = choose(weights_.layers.back().output, spec_.query_dim(), trial);
  down_ = choose(weights_.layers.back().down, ffn_, trial);
}

// Where large batches are computed by our own kernel, it decides the bits: added to zeros, what it adds.
Gemm DeviceRank::choose(const DeviceMatrix& weight, std::int32_t inputs, const GemmTrial& trial) {
  GemmReference own;
  if (options_.shard.count == 1) {
    own = [&, inputs](const DeviceBFloat16* x, DeviceBFloat16* out) {
      const std::size_t bytes = size(std::int64_t{2} * limits_.max_tokens * spec_.hidden);
      RERANK_CUDA_CHECK(cudaMemsetAsync(out, 0, bytes, stream_.get()));
      RERANK_CUDA_CHECK(cudaMemsetAsync(trial.found, 0, bytes, stream_.get()));
      launch_add_product(
          {gemm_view(x, limits_.max_tokens, inputs), weight.view, limits_.max_tokens, inputs,
           num_processors_},
          {}, {out, reinterpret_cast<std::int8_t*>(trial.found), hidden_.rows.squares, spec_.hidden},
          stream_.get());
    };
  }
  return Gemm(library_, {spec_.hidden, inputs}, limits_.max_tokens, weight.values.as<DeviceBFloat16>(), trial,
              stream_.get(), own);
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
  // Beside the forward before this one.
  RERANK_CUDA_CHECK(cudaMemcpyAsync(forward.device.as<void>(), forward.host.as<void>(),
                                    forward.layout.size_bytes(), cudaMemcpyHostToDevice, copies_.get()));
  RERANK_CUDA_CHECK(cudaEventRecord(forward.copied->get(), copies_.get()));
  RERANK_CUDA_CHECK(cudaStreamWaitEvent(stream_.get(), forward.copied->get()));
  RERANK_CUDA_CHECK(cudaMemsetAsync(counts_.as<void>(), 0, counts_.size_bytes(), stream_.get()));
  num_counted_ = 0;
  progress_ = {};
  num_rows_ = forward.layout.num_tokens();
  pieces_ = forward.layout.all_pieces();
  gathered_ = false;
  is_to_be_added_ = false;
  hidden_now_ = &hidden_;
}

void DeviceRank::embed() {
  launch_embed(weights_.embedding.as<DeviceBFloat16>(),
               current().layout.ids.at(current().device.as<std::byte>()), hidden_now_->rows, num_rows_,
               stream_.get());
  launched("embed");
}

void DeviceRank::add_now() {
  if (!is_to_be_added_) return;
  launch_add(added(), hidden_now_->rows, num_rows_, stream_.get());
  is_to_be_added_ = false;
  launched("add");
}

// Products of bfloat16 read the hidden states themselves, and scale their results.
void DeviceRank::prepare_norm(bool quantized) {
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
  std::byte* block = current().device.as<std::byte>();
  const BatchLayout& layout = current().layout;
  return {.qkv = qkv_.as<DeviceBFloat16>(),
          .store = store(index),
          .query_norm = layer(index).query_norm.as<float>(),
          .key_norm = layer(index).key_norm.as<float>(),
          .frequencies = frequencies_.as<float>(),
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
  prepare_norm(w.is_quantized());
  launch_qkv(fused_norm(w, w.qkv), norm_scale(w, w.qkv), qkv_arguments(index, projection), stream_.get());
  launched("GEMM query/key/value");
}

void DeviceRank::attention(std::int32_t index) {
  std::byte* block = current().device.as<std::byte>();
  const BatchLayout& layout = current().layout;
  launch_attention({.views = views_,
                    .shape = attention_shape(),
                    .out = attention_.to(layer(index)),
                    .items = layout.items.at(block),
                    .runs = layout.runs.at(block),
                    .pieces = layout.pieces.at(block) + pieces_.first,
                    .num_turns = pieces_.num_turns,
                    .num_blocks = pieces_.num_blocks,
                    .first_slot = index * limits_.num_slots},
                   stream_.get());
  launched("attention");
}

void DeviceRank::quantize(const DeviceLayer& w, const Rows& x, const char* name) {
  if (!w.is_quantized() || w.makes_e4m3()) return;
  launch_quantize(x.values.as<DeviceBFloat16>(), nullptr, x.quantized, num_rows_, x.columns, stream_.get());
  launched(name);
}

// Large batches and all that is quantised by our own kernels; else by cuBLASLt, to be added by what comes
// next.
void DeviceRank::add_product(const Gemm& gemm, const Rows& x, const DeviceMatrix& weight, const char* name) {
  const bool is_whole = options_.shard.count == 1, is_quantized = cuda::is_quantized(weight.view.type);
  FusedGemmArguments own = fused(is_quantized ? x.quantized_view : x.view, weight, x.columns);
  const ProductScale scale = is_quantized ? quantized_scale(x, weight) : ProductScale{};
  if (is_whole && (is_quantized || add_product_is_busy(own, spec_.hidden) || !gemm.can_run(num_rows_))) {
    if (!is_quantized) own.counts = next_counts();
    launch_add_product(own, scale, hidden_now_->rows, stream_.get());
    return launched(name, progress_of_add_product(own, spec_.hidden));
  }
  if (is_quantized) {
    launch_product(own, scale, added(), spec_.hidden, stream_.get());
  } else {
    gemm.run(library_, x.values.as<DeviceBFloat16>(), weight.values.as<DeviceBFloat16>(), added(), num_rows_,
             stream_.get());
  }
  is_to_be_added_ = true;
  launched(name);
}

void DeviceRank::attention_output(std::int32_t index) {
  const DeviceLayer& w = layer(index);
  quantize(w, attention_, "quantise attention");
  add_product(output_, attention_, w.output, "GEMM output");
}

void DeviceRank::mlp_in(std::int32_t index) {
  const DeviceLayer& w = layer(index);
  prepare_norm(w.is_quantized());
  FusedGemmArguments product = fused_norm(w, w.gate_up);
  if (!w.is_quantized()) product.counts = next_counts();
  launch_gate_up(product, norm_scale(w, w.gate_up), ffn_rows_.to(w), ffn_, stream_.get());
  launched("GEMM gate, up", progress_of_gate_up(product, ffn_));
  quantize(w, ffn_rows_, "quantise ffn");
}

void DeviceRank::mlp_out(std::int32_t index) {
  add_product(down_, ffn_rows_, layer(index).down, "GEMM down");
}

void DeviceRank::pool() {
  add_now();
  Forward& forward = current();
  num_rows_ = forward.layout.num_scores();
  launch_gather(hidden_now_->rows, forward.layout.scored_rows.at(forward.device.as<std::byte>()),
                scored_hidden_.rows, num_rows_, stream_.get());
  launched("gather");
  hidden_now_ = &scored_hidden_;
  pieces_ = forward.layout.scored_pieces();
  gathered_ = true;
}

void DeviceRank::head() {
  add_now();
  Forward& forward = current();
  launch_head({.x = hidden_now_->rows,
               .norm = weights_.final_norm.as<float>(),
               .no = weights_.head_no.as<float>(),
               .yes = weights_.head_yes.as<float>(),
               .logits = forward.logits.as<float>(),
               .num_rows = num_rows_,
               .eps = spec_.norm_eps},
              stream_.get());
  launched("head");
  RERANK_CUDA_CHECK(cudaEventRecord(forward.done->get(), stream_.get()));
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
