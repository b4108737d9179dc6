#include "backend/cuda/weights.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "backend/cuda/activation_bounds.h"
#include "backend/cuda/size.h"
#include "backend/quantization.h"
#include "rerank/error.h"

namespace rerank::cuda {
namespace {

// Kernels have a copy of the rule.
static_assert(turned_columns(96) == rerank::turned_columns(96));
static_assert(turned_columns(4096) == rerank::turned_columns(4096));

std::int32_t divide(std::int32_t value, std::int32_t count, const char* key) {
  if (value % count != 0) {
    throw Error(ErrorCode::kUnsupported, {.member = "tensor_parallel_size"},
                fmt::format("{} does not divide the model's {}, {}", count, key, value));
  }
  return value / count;
}

// Rows of a matrix, of which columns [first_column, first_column + columns) are used.
struct Block {
  TensorView matrix;
  std::int64_t first_row, rows;
  std::int64_t first_column, columns;
};

// Copies blocks to the current device as bfloat16. Other types are widened and rounded on the host.
class Uploader {
 public:
  // Rows of `to` are `stride` numbers apart.
  void copy(const Block& block, DeviceBFloat16* to, std::int64_t stride) {
    const std::int64_t all_columns = block.matrix.shape[1];
    if (block.matrix.type == DataType::kBFloat16) {
      const std::byte* from =
          block.matrix.data + size(block.first_row * all_columns + block.first_column) * 2;
      RERANK_CUDA_CHECK(cudaMemcpy2D(to, size(stride) * 2, from, size(all_columns) * 2,
                                     size(block.columns) * 2, size(block.rows), cudaMemcpyHostToDevice));
      return;
    }
    constexpr std::int64_t kRows = 256;  // at a time
    wide_.resize(size(block.columns));
    rounded_.resize(size(kRows * block.columns));
    for (std::int64_t row = 0; row < block.rows; row += kRows) {
      const std::int64_t rows = std::min(kRows, block.rows - row);
      for (std::int64_t r = 0; r < rows; ++r) {
        widen(block.matrix, (block.first_row + row + r) * all_columns + block.first_column, wide_);
        for (std::int64_t c = 0; c < block.columns; ++c) {
          rounded_[size(r * block.columns + c)] = to_bfloat16(wide_[size(c)]);
        }
      }
      RERANK_CUDA_CHECK(cudaMemcpy2D(to + row * stride, size(stride) * 2, rounded_.data(),
                                     size(block.columns) * 2, size(block.columns) * 2, size(rows),
                                     cudaMemcpyHostToDevice));
    }
  }

  // Uploads a vector as float32, each value increased by `offset`.
  DeviceBuffer floats(const TensorView& vector, float offset = 0) {
    if (vector.empty()) return {};
    wide_.resize(size(vector.num_elements()));
    widen(vector, 0, wide_);
    for (float& value : wide_) value += offset;
    return floats(wide_);
  }
  DeviceNorm norm(const Norm& from, float offset = 0) {
    return {floats(from.weight, offset), floats(from.bias)};
  }
  static DeviceBuffer floats(const std::vector<float>& values) {
    DeviceBuffer buffer(values.size() * 4);
    RERANK_CUDA_CHECK(
        cudaMemcpy(buffer.as<float>(), values.data(), values.size() * 4, cudaMemcpyHostToDevice));
    return buffer;
  }

 private:
  std::vector<float> wide_;
  std::vector<BFloat16> rounded_;
};

// Builds a matrix from stacked blocks, with its columns multiplied by factors: the weight of the norm before
// it, or the divisors of its inputs.
class MatrixMaker {
 public:
  MatrixMaker(Uploader& uploader, NumberType type, KernelSet& kernels)
      : uploader_(uploader), type_(type), kernels_(kernels) {}

  // `row_norms` are computed if the matrix is quantized.
  DeviceMatrix make(std::int64_t rows, std::int64_t columns, std::initializer_list<Block> blocks,
                    const DeviceBuffer& factors = {}, std::vector<float>* row_norms = nullptr) {
    const auto height = static_cast<std::int32_t>(rows), width = static_cast<std::int32_t>(columns);
    DeviceBuffer values(size(rows * columns) * 2);
    // Padding where no block writes.
    RERANK_CUDA_CHECK(cudaMemset(values.as<void>(), 0, values.size_bytes()));
    std::int64_t row = 0;
    for (const Block& block : blocks) {
      if (!block.matrix.empty()) uploader_.copy(block, values.as<DeviceBFloat16>() + row * columns, columns);
      row += block.rows;
    }
    if (!is_quantized(type_)) {
      if (factors.size_bytes() > 0) {
        launch_scale_columns(values.as<DeviceBFloat16>(), factors.as<float>(), rows, width, nullptr);
        RERANK_CUDA_CHECK(cudaStreamSynchronize(nullptr));
      }
      const Operand operand = kernels_.operand(type_, values.as<void>(), nullptr, rows, width);
      return {.values = std::move(values), .scales = {}, .operand = operand};
    }
    DeviceMatrix made{.values = DeviceBuffer(size(rows * columns)), .scales = DeviceBuffer(size(rows) * 4)};
    const QuantizedRows quantized{type_, made.values.as<std::uint8_t>(), made.scales.as<float>()};
    made.operand = kernels_.operand(type_, quantized.values, quantized.scales, rows, width);
    launch_quantize(values.as<DeviceBFloat16>(), factors.as<float>(), quantized, height, width, nullptr);
    if (row_norms != nullptr) {
      DeviceBuffer norms(size(rows) * 4);
      launch_row_norms(values.as<DeviceBFloat16>(), factors.as<float>(), norms.as<float>(), height, width,
                       nullptr);
      row_norms->resize(size(rows));
      RERANK_CUDA_CHECK(
          cudaMemcpy(row_norms->data(), norms.as<void>(), norms.size_bytes(), cudaMemcpyDeviceToHost));
    }
    RERANK_CUDA_CHECK(cudaStreamSynchronize(nullptr));
    return made;
  }

 private:
  Uploader& uploader_;
  NumberType type_;
  KernelSet& kernels_;
};

// Divides results [first, first + divisors.size()) of a quantized matrix through its scales.
void divide_outputs(const DeviceMatrix& matrix, std::int64_t first, const std::vector<float>& divisors) {
  std::vector<float> scales(divisors.size());
  float* at = matrix.scales.as<float>() + first;
  RERANK_CUDA_CHECK(cudaMemcpy(scales.data(), at, scales.size() * 4, cudaMemcpyDeviceToHost));
  for (std::size_t i = 0; i < scales.size(); ++i) scales[i] /= divisors[i];
  RERANK_CUDA_CHECK(cudaMemcpy(at, scales.data(), scales.size() * 4, cudaMemcpyHostToDevice));
}

// The divisors for the columns of all query heads: those in the group of a key head have that head's
// divisors.
std::vector<float> of_query_heads(const std::vector<float>& divisors, const TransformerSpec& shard) {
  const std::int32_t group = shard.num_heads / shard.num_kv_heads;
  std::vector<float> repeated;
  for (std::int32_t column = 0; column < shard.query_dim(); ++column) {
    const std::int32_t kv_head = column / shard.head_dim / group;
    repeated.push_back(divisors[size(kv_head * shard.head_dim + column % shard.head_dim)]);
  }
  return repeated;
}

// The shard's biases of queries, keys and values; zeros if the model has none.
std::vector<float> qkv_bias(const LayerWeights& from, const TransformerSpec& shard, std::int32_t index) {
  std::vector<float> bias(size(shard.qkv_dim()));
  if (!shard.qkv_bias) return bias;
  std::span<float> rest(bias);
  const auto take = [&](const TensorView& vector, std::int32_t count) {
    widen(vector, std::int64_t{index} * count, rest.first(size(count)));
    rest = rest.subspan(size(count));
  };
  take(from.query.bias, shard.query_dim());
  take(from.key.bias, shard.kv_dim());
  take(from.value.bias, shard.kv_dim());
  return bias;
}

// Uploads one layer of one shard.
class LayerUpload {
 public:
  LayerUpload(const LayerWeights& from, const TransformerSpec& shard, std::int32_t index, NumberType type,
              KernelSet& kernels)
      : from_(from), shard_(shard), index_(index), maker_(uploader_, type, kernels) {
    layer_.type = type;
  }

  DeviceLayer run() {
    const DeviceBuffer output_factors = attention();
    layer_.output = maker_.make(shard_.hidden, shard_.query_dim(),
                                {columns(from_.output.weight, shard_.query_dim())}, output_factors);
    mlp();
    layer_.query_norm = uploader_.floats(from_.query_norm);
    layer_.key_norm = uploader_.floats(from_.key_norm);
    layer_.output_bias = uploader_.floats(from_.output.bias);
    layer_.down_bias = uploader_.floats(from_.down.bias);
    if (has_row_norms(shard_)) {
      layer_.attention_norm = uploader_.norm(from_.attention_norm, shard_.norm_weight_offset);
      layer_.mlp_norm = uploader_.norm(from_.mlp_norm, shard_.norm_weight_offset);
    }
    return std::move(layer_);
  }

 private:
  Block rows(const TensorView& matrix, std::int64_t count) const {
    return {matrix, index_ * count, count, 0, shard_.hidden};
  }
  Block columns(const TensorView& matrix, std::int64_t count) const {
    return {matrix, 0, shard_.hidden, index_ * count, count};
  }

  // The factors for the columns of the product that follows a norm.
  DeviceBuffer norm_factors(const Norm& norm) {
    return has_row_norms(shard_) ? DeviceBuffer() : uploader_.floats(norm.weight, shard_.norm_weight_offset);
  }

  // Uploads queries, keys and values; returns the factors for the columns of the output projection.
  DeviceBuffer attention() {
    std::vector<float> norms, bias;
    if (!shard_.qk_norm) bias = qkv_bias(from_, shard_, index_);
    layer_.qkv =
        maker_.make(shard_.qkv_dim(), shard_.hidden,
                    {rows(from_.query.weight, shard_.query_dim()), rows(from_.key.weight, shard_.kv_dim()),
                     rows(from_.value.weight, shard_.kv_dim())},
                    norm_factors(from_.attention_norm), layer_.makes_e4m3() ? &norms : nullptr);
    DeviceBuffer factors;
    if (layer_.makes_e4m3()) {
      const std::size_t first_value = size(shard_.query_dim() + shard_.kv_dim());
      const std::span value_bias = std::span(bias).subspan(bias.empty() ? 0 : first_value);
      const std::vector<float> divisors =
          value_divisors(std::span(norms).subspan(first_value), value_bias, shard_.hidden);
      divide_outputs(layer_.qkv, static_cast<std::int64_t>(first_value), divisors);
      for (std::size_t i = 0; i < value_bias.size(); ++i) value_bias[i] /= divisors[i];
      factors = Uploader::floats(of_query_heads(divisors, shard_));
    }
    if (!bias.empty()) layer_.qkv_bias = Uploader::floats(bias);
    return factors;
  }

  void mlp() {
    const std::int64_t ffn = shard_.ffn, padded = padded_ffn(shard_.ffn);
    const Block nothing{{}, 0, padded - ffn, 0, 0};
    std::vector<float> norms;
    if (shard_.gated) {
      layer_.gate_up =
          maker_.make(2 * padded, shard_.hidden,
                      {rows(from_.gate.weight, ffn), nothing, rows(from_.up.weight, ffn), nothing},
                      norm_factors(from_.mlp_norm), layer_.makes_e4m3() ? &norms : nullptr);
    } else {
      layer_.gate_up = maker_.make(padded, shard_.hidden, {rows(from_.gate.weight, ffn), nothing},
                                   norm_factors(from_.mlp_norm));
    }
    mlp_bias();
    DeviceBuffer factors;
    if (layer_.makes_e4m3()) {
      const std::span all(norms);
      const std::vector<float> divisors =
          ffn_divisors(all.first(size(padded)), all.last(size(padded)), shard_.hidden);
      divide_outputs(layer_.gate_up, padded, divisors);
      factors = Uploader::floats(divisors);
    }
    layer_.down = maker_.make(shard_.hidden, padded, {columns(from_.down.weight, ffn)}, factors);
  }

  // In the order of the rows of gate_up.
  void mlp_bias() {
    if (!shard_.gate_bias) return;
    const std::size_t ffn = size(shard_.ffn), padded = size(padded_ffn(shard_.ffn));
    std::vector<float> bias(shard_.gated ? 2 * padded : padded);
    const std::int64_t first = std::int64_t{index_} * shard_.ffn;
    widen(from_.gate.bias, first, std::span(bias).first(ffn));
    if (shard_.gated) widen(from_.up.bias, first, std::span(bias).subspan(padded, ffn));
    layer_.gate_up_bias = Uploader::floats(bias);
  }

  const LayerWeights& from_;
  const TransformerSpec& shard_;
  std::int32_t index_;
  Uploader uploader_;
  MatrixMaker maker_;
  DeviceLayer layer_;
};

}  // namespace

TransformerSpec shard_shape(const TransformerSpec& whole, const Shard& shard) {
  TransformerSpec spec = whole;
  spec.num_heads = divide(whole.num_heads, shard.count, "num_attention_heads");
  spec.num_kv_heads = divide(whole.num_kv_heads, shard.count, "num_key_value_heads");
  spec.ffn = divide(whole.ffn, shard.count, "intermediate_size");
  return spec;
}

std::int32_t padded_ffn(std::int32_t ffn) {
  return (ffn + 15) / 16 * 16;
}

NumberType type_of_layer(const TransformerSpec& spec, NumberType type, std::int32_t layer) {
  constexpr std::int32_t kWide = 2048;
  const std::int32_t share = spec.hidden < kWide ? 12 : 6;
  const std::int32_t num_first = type == NumberType::kE4m3 ? std::max(1, spec.num_layers / share) : 1;
  return is_quantized_layer(spec, layer, num_first) ? type : NumberType::kBFloat16;
}

std::size_t weight_bytes(const TransformerSpec& shard, NumberType type) {
  const std::int64_t hidden = shard.hidden, ffn = padded_ffn(shard.ffn);
  const std::int64_t ffn_outputs = (shard.gated ? 2 : 1) * ffn;
  const std::int64_t outputs = shard.qkv_dim() + 2 * hidden + ffn_outputs;
  const std::int64_t matrices = hidden * (shard.qkv_dim() + shard.query_dim() + ffn_outputs + ffn);
  // float32 vectors of a layer, and tables and vectors of the model.
  const std::int64_t heads = shard.qk_norm ? 2 * shard.head_dim : shard.qkv_dim();
  const std::int64_t norms = has_row_norms(shard) ? 4 * hidden : 0;
  const std::int64_t biases =
      (shard.output_bias ? hidden : 0) + (shard.down_bias ? hidden : 0) + (shard.gate_bias ? ffn_outputs : 0);
  std::int64_t floats = hidden * (shard.num_position_rows + shard.num_token_types + 5);
  std::int64_t inputs = hidden;
  for (const HeadStep& step : shard.head) {
    const bool is_dense = step.kind == HeadStep::Kind::kDense;
    floats += is_dense ? step.outputs * (inputs + 1) : 2 * inputs;
    if (is_dense) inputs = step.outputs;
  }
  std::int64_t total = std::int64_t{shard.vocab} * hidden * 2 + 4 * floats;
  for (std::int32_t layer = 0; layer < shard.num_layers; ++layer) {
    total += 4 * (heads + norms + biases) +
             (is_quantized(type_of_layer(shard, type, layer)) ? matrices + 4 * outputs : 2 * matrices);
  }
  return size(total);
}

DeviceWeights upload_weights(TransformerWeights& weights, const Shard& shard, NumberType type,
                             KernelSet& kernels) {
  const TransformerSpec spec = shard_shape(weights.spec(), shard);
  DeviceWeights uploaded;
  for (std::int32_t layer = 0; layer < spec.num_layers; ++layer) {
    const LayerWeights from = weights.layer(layer);
    check_weights(spec, from, layer);
    uploaded.layers.push_back(
        LayerUpload(from, spec, shard.index, type_of_layer(spec, type, layer), kernels).run());
    if (shard.index + 1 == shard.count) weights.release_layer(layer);
  }
  Uploader uploader;
  uploaded.embedding = DeviceBuffer(size(std::int64_t{spec.vocab} * spec.hidden) * 2);
  uploader.copy({weights.embedding(), 0, spec.vocab, 0, spec.hidden}, uploaded.embedding.as<DeviceBFloat16>(),
                spec.hidden);
  uploaded.position_embedding = uploader.floats(weights.position_embedding());
  uploaded.type_embedding = uploader.floats(weights.type_embedding());
  uploaded.embedding_norm = uploader.norm(weights.embedding_norm(), spec.norm_weight_offset);
  uploaded.final_norm = uploader.norm(weights.final_norm(), spec.norm_weight_offset);
  std::int32_t inputs = spec.hidden;
  for (std::size_t i = 0; i < spec.head.size(); ++i) {
    const Linear from = weights.head_step(static_cast<std::int32_t>(i));
    uploaded.head.push_back({spec.head[i], inputs, uploader.floats(from.weight), uploader.floats(from.bias)});
    if (spec.head[i].kind == HeadStep::Kind::kDense) inputs = spec.head[i].outputs;
  }
  uploaded.head_no = uploader.floats(weights.head_no());
  uploaded.head_yes = uploader.floats(weights.head_yes());
  return uploaded;
}

}  // namespace rerank::cuda
