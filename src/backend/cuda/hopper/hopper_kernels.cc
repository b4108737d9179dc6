#include "backend/cuda/hopper/hopper_kernels.h"

#include <fmt/format.h>

#include <algorithm>

#include "backend/cuda/size.h"
#include "rerank/error.h"

namespace rerank::cuda {
namespace {

constexpr int kCountingProducts = 3;  // per layer, all except the first

bool is_one_of(std::int32_t value, std::initializer_list<std::int32_t> values) {
  return std::ranges::find(values, value) != values.end();
}

}  // namespace

std::string hopper_unsupported_key(const TransformerSpec& spec) {
  const bool has_row_norms = spec.norm == NormKind::kLayer || spec.norm_place == NormPlace::kBehind;
  const bool has_mlp_bias = spec.gate_bias || spec.down_bias;
  if (spec.qk_norm && (spec.qkv_bias || spec.rotations.empty())) {
    return "model_type (of models with norms of query and key heads, and biases or no rotation)";
  }
  if (!has_row_norms && (spec.output_bias || has_mlp_bias || !spec.gated || spec.embedding_norm ||
                         spec.num_position_rows != 0 || spec.num_token_types != 0)) {
    return "model_type (of models with RMSNorm, and biases, tables or an MLP that go with layer norms)";
  }
  const bool is_gelu = spec.activation == MlpActivation::kGelu;
  if (spec.gated ? spec.gate_bias && !is_gelu : !is_gelu || !spec.gate_bias) {
    return "hidden_act (other than gelu in an MLP with biases or without a gate)";
  }
  if (!is_one_of(spec.head_dim, {32, 64, 128, 256})) {
    return fmt::format("head_dim {} (32, 64, 128 and 256 are)", spec.head_dim);
  }
  if (spec.hidden % 16 != 0 || spec.hidden > kMaxNormColumns) {
    return fmt::format("hidden_size {} (multiples of 16 up to {} are)", spec.hidden, kMaxNormColumns);
  }
  if (spec.ffn > 2 * kMaxNormColumns) {
    return fmt::format("intermediate_size {} (up to {} is)", spec.ffn, 2 * kMaxNormColumns);
  }
  if (spec.num_heads / spec.num_kv_heads > 64) {
    return fmt::format("num_attention_heads {} (up to 64 to each of num_key_value_heads are)",
                       spec.num_heads);
  }
  if (spec.num_kv_heads >= 256) {
    return fmt::format("num_key_value_heads {} (fewer than 256 are)", spec.num_kv_heads);
  }
  return "";
}

HopperKernels::HopperKernels(const KernelSetOptions& options) : options_(options) {}

std::int64_t HopperKernels::count_rows() const {
  return (std::int64_t{options_.max_tokens} + kGemmPairRows - 1) / kGemmPairRows;
}

std::size_t HopperKernels::counts_bytes() const {
  return size(std::int64_t{kCountingProducts} * options_.spec.num_layers * count_rows() * 4);
}

std::size_t HopperKernels::workspace_bytes() const {
  return counts_bytes() + GemmLibrary::kWorkspaceBytes;
}

std::uint32_t* HopperKernels::next_counts() {
  if (num_counted_ == size(std::int64_t{kCountingProducts} * options_.spec.num_layers)) return nullptr;
  return counts_.as<std::uint32_t>() + num_counted_++ * size(count_rows());
}

Operand HopperKernels::operand(NumberType type, const void* values, const float* scales, std::int64_t rows,
                               std::int32_t columns) {
  views_.push_back(gemm_view(type, values, rows, columns));
  return {type, values, scales, columns, static_cast<std::int32_t>(views_.size() - 1)};
}

void HopperKernels::load(DeviceBFloat16* qkv, DeviceBFloat16* store, std::int64_t num_slots,
                         std::span<const Operand> added) {
  prepare_attention(options_.spec.head_dim, options_.spec.mask == Mask::kCausal);
  prepare_fused_gemms(options_.spec);
  counts_ = DeviceBuffer(counts_bytes());
  attention_views_ = make_attention_views(shape(), qkv, options_.max_tokens, store, num_slots);
  std::int32_t widest = 0;
  for (const Operand& weight : added) widest = std::max(widest, weight.columns);
  const std::int64_t tokens = options_.max_tokens;
  DeviceBuffer x(size(2 * tokens * widest)), wanted(size(2 * tokens * options_.spec.hidden)),
      found(wanted.size_bytes()), count(4);
  const GemmTrial trial{.x = x.as<DeviceBFloat16>(),
                        .wanted = wanted.as<DeviceBFloat16>(),
                        .found = found.as<DeviceBFloat16>(),
                        .num_different = count.as<std::uint32_t>()};
  for (const Operand& weight : added) library_products_.emplace(weight.columns, choose(weight, trial));
}

// For large batches our own kernel is used and determines the bits: those of adding the product to zeros.
Gemm HopperKernels::choose(const Operand& weight, const GemmTrial& trial) const {
  const std::int32_t tokens = options_.max_tokens, hidden = options_.spec.hidden, inputs = weight.columns;
  const cudaStream_t stream = options_.stream;
  const DeviceBuffer squares(size(std::int64_t{4} * tokens * num_square_parts(hidden)));
  GemmReference own;
  if (options_.adds_products) {
    own = [&](const DeviceBFloat16* x, DeviceBFloat16* out) {
      const std::size_t bytes = size(std::int64_t{2} * tokens * hidden);
      RERANK_CUDA_CHECK(cudaMemsetAsync(out, 0, bytes, stream));
      RERANK_CUDA_CHECK(cudaMemsetAsync(trial.found, 0, bytes, stream));
      launch_add_product({gemm_view(NumberType::kBFloat16, x, tokens, inputs), views_[size(weight.view)],
                          tokens, inputs, options_.num_processors},
                         {}, {out, reinterpret_cast<std::int8_t*>(trial.found), squares.as<float>(), hidden},
                         stream);
    };
  }
  return Gemm(library_, {hidden, inputs}, tokens, static_cast<const DeviceBFloat16*>(weight.values), trial,
              stream, own);
}

void HopperKernels::begin() {
  RERANK_CUDA_CHECK(cudaMemsetAsync(counts_.as<void>(), 0, counts_.size_bytes(), options_.stream));
  num_counted_ = 0;
  progress_ = {};
}

FusedGemmArguments HopperKernels::arguments(const Product& product) const {
  return {.x = views_[size(product.x.view)],
          .weight = views_[size(product.weight.view)],
          .num_rows = product.num_rows,
          .inputs = product.x.columns,
          .num_processors = options_.num_processors,
          .before = progress_};
}

ProductScale HopperKernels::scale(const Product& product) {
  return {.squares = product.squares,
          .eps = product.eps,
          .rows = product.x.scales,
          .outputs = product.weight.scales};
}

void HopperKernels::qkv(const Product& product, const QkvArguments& qkv) {
  launch_qkv(arguments(product), scale(product), qkv, options_.stream);
  progress_ = {};
}

void HopperKernels::attention(const AttentionArguments& arguments) {
  launch_attention({arguments, attention_views_}, options_.stream);
  progress_ = {};
}

void HopperKernels::mlp_in(const Product& product, const MlpArguments& arguments) {
  FusedGemmArguments own = this->arguments(product);
  const MlpIn mlp{arguments, options_.spec.activation, options_.spec.gated};
  // Only products of this set wait for parts of a product.
  if (options_.adds_products && !is_quantized(product.weight.type)) own.counts = next_counts();
  launch_mlp_in(own, scale(product), mlp, options_.stream);
  progress_ = progress_of_mlp_in(own, mlp);
}

// Large batches and all quantized values use our own kernels; otherwise cuBLASLt is used.
bool HopperKernels::add_product(const Product& product, const Residual& x, DeviceBFloat16* added) {
  const bool quantized = is_quantized(product.weight.type);
  const Gemm& library = library_products_.at(product.weight.columns);
  FusedGemmArguments own = arguments(product);
  if (options_.adds_products &&
      (quantized || add_product_is_busy(own, x.hidden) || !library.can_run(product.num_rows))) {
    if (!quantized) own.counts = next_counts();
    launch_add_product(own, scale(product), x, options_.stream);
    progress_ = progress_of_add_product(own, x.hidden);
    return true;
  }
  if (quantized) {
    launch_product(own, scale(product), added, x.hidden, options_.stream);
  } else {
    library.run(library_, static_cast<const DeviceBFloat16*>(product.x.values),
                static_cast<const DeviceBFloat16*>(product.weight.values), added, product.num_rows,
                options_.stream);
  }
  progress_ = {};
  return false;
}

std::vector<std::pair<std::string, const Gemm*>> HopperKernels::chosen_products() const {
  std::vector<std::pair<std::string, const Gemm*>> chosen;
  for (const auto& [inputs, gemm] : library_products_) {
    chosen.emplace_back(inputs == options_.spec.query_dim() ? "output" : "down", &gemm);
  }
  return chosen;
}

}  // namespace rerank::cuda
