#include "backend/cuda/weights.h"

#include <fmt/format.h>

#include <algorithm>

#include "backend/cuda/activation_bounds.h"
#include "backend/cuda/size.h"
#include "rerank/error.h"

namespace rerank::cuda {
namespace {

std::int32_t divide(std::int32_t value, std::int32_t count, const char* key) {
  if (value % count != 0) {
    throw Error(ErrorCode::kUnsupported, {.member = "tensor_parallel_size"},
                fmt::format("{} does not divide the model's {}, {}", count, key, value));
  }
  return value / count;
}

// Rows of a matrix, of which columns [first_column, first_column + columns) are wanted.
struct Block {
  TensorView matrix;
  std::int64_t first_row, rows;
  std::int64_t first_column, columns;
};

// Copies blocks to the current device as bfloat16, widening and rounding on the host where they are of
// another type.
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

  DeviceBuffer floats(const TensorView& vector) {
    if (vector.empty()) return {};
    wide_.resize(size(vector.num_elements()));
    widen(vector, 0, wide_);
    return floats(wide_);
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

// A matrix put together from blocks below each other, with its columns times factors: the weight of the norm
// before, or what its inputs were divided by.
class MatrixMaker {
 public:
  MatrixMaker(Uploader& uploader, NumberType type) : uploader_(uploader), type_(type) {}

  // `row_norms`: of what is quantised.
  DeviceMatrix make(std::int64_t rows, std::int64_t columns, std::initializer_list<Block> blocks,
                    const DeviceBuffer& factors = {}, std::vector<float>* row_norms = nullptr) {
    DeviceBuffer values(size(rows * columns) * 2);
    // What no block fills is padding.
    RERANK_CUDA_CHECK(cudaMemset(values.as<void>(), 0, values.size_bytes()));
    std::int64_t row = 0;
    for (const Block& block : blocks) {
      if (!block.matrix.empty()) uploader_.copy(block, values.as<DeviceBFloat16>() + row * columns, columns);
      row += block.rows;
    }
    if (!is_quantized(type_)) {
      if (factors.size_bytes() > 0) {
        launch_scale_columns(values.as<DeviceBFloat16>(), factors.as<float>(), rows,
                             static_cast<std::int32_t>(columns), nullptr);
        RERANK_CUDA_CHECK(cudaStreamSynchronize(nullptr));
      }
      const GemmView view = gemm_view(values.as<DeviceBFloat16>(), rows, columns);
      return {.values = std::move(values), .scales = {}, .view = view};
    }
    DeviceMatrix made{
        .values = DeviceBuffer(size(rows * columns)), .scales = DeviceBuffer(size(rows) * 4), .view = {}};
    const QuantizedRows quantized{type_, made.values.as<std::uint8_t>(), made.scales.as<float>()};
    made.view = gemm_view(quantized, rows, columns);
    const auto height = static_cast<std::int32_t>(rows), width = static_cast<std::int32_t>(columns);
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
};

// Divides results [first, first + divisors.size()) of a quantised matrix, by its scales.
void divide_outputs(const DeviceMatrix& matrix, std::int64_t first, const std::vector<float>& divisors) {
  std::vector<float> scales(divisors.size());
  float* at = matrix.scales.as<float>() + first;
  RERANK_CUDA_CHECK(cudaMemcpy(scales.data(), at, scales.size() * 4, cudaMemcpyDeviceToHost));
  for (std::size_t i = 0; i < scales.size(); ++i) scales[i] /= divisors[i];
  RERANK_CUDA_CHECK(cudaMemcpy(at, scales.data(), scales.size() * 4, cudaMemcpyHostToDevice));
}

// For the columns of all query heads: those of a key head's group have its values' divisors.
std::vector<float> of_query_heads(const std::vector<float>& divisors, const TransformerSpec& shard) {
  const std::int32_t group = shard.num_heads / shard.num_kv_heads;
  std::vector<float> repeated;
  for (std::int32_t column = 0; column < shard.query_dim(); ++column) {
    const std::int32_t kv_head = column / shard.head_dim / group;
    repeated.push_back(divisors[size(kv_head * shard.head_dim + column % shard.head_dim)]);
  }
  return repeated;
}

DeviceLayer upload_layer(const LayerWeights& from, const TransformerSpec& shard, std::int32_t index,
                         NumberType type) {
  check_weights(shard, from);
  Uploader uploader;
  MatrixMaker maker(uploader, type);
  const std::int64_t hidden = shard.hidden, ffn = shard.ffn, padded = padded_ffn(shard.ffn);
  const auto rows = [&](const TensorView& matrix, std::int64_t count) {
    return Block{matrix, index * count, count, 0, hidden};
  };
  const auto columns = [&](const TensorView& matrix, std::int64_t count) {
    return Block{matrix, 0, hidden, index * count, count};
  };
  const Block nothing{{}, 0, padded - ffn, 0, 0};
  DeviceLayer layer;
  layer.type = type;
  std::vector<float> norms;
  layer.qkv = maker.make(shard.qkv_dim(), hidden,
                         {rows(from.query.weight, shard.query_dim()), rows(from.key.weight, shard.kv_dim()),
                          rows(from.value.weight, shard.kv_dim())},
                         uploader.floats(from.attention_norm), layer.makes_e4m3() ? &norms : nullptr);
  DeviceBuffer output_factors, down_factors;
  if (layer.makes_e4m3()) {
    const std::int64_t first_value = shard.query_dim() + shard.kv_dim();
    const std::vector<float> divisors =
        value_divisors(std::span(norms).subspan(size(first_value)), shard.hidden);
    divide_outputs(layer.qkv, first_value, divisors);
    output_factors = Uploader::floats(of_query_heads(divisors, shard));
  }
  layer.output =
      maker.make(hidden, shard.query_dim(), {columns(from.output.weight, shard.query_dim())}, output_factors);
  layer.gate_up = maker.make(2 * padded, hidden,
                             {rows(from.gate.weight, ffn), nothing, rows(from.up.weight, ffn), nothing},
                             uploader.floats(from.mlp_norm), layer.makes_e4m3() ? &norms : nullptr);
  if (layer.makes_e4m3()) {
    const std::span all(norms);
    const std::vector<float> divisors =
        ffn_divisors(all.first(size(padded)), all.last(size(padded)), shard.hidden);
    divide_outputs(layer.gate_up, padded, divisors);
    down_factors = Uploader::floats(divisors);
  }
  layer.down = maker.make(hidden, padded, {columns(from.down.weight, ffn)}, down_factors);
  layer.query_norm = uploader.floats(from.query_norm);
  layer.key_norm = uploader.floats(from.key_norm);
  return layer;
}

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
  return layer >= num_first && layer + 1 < spec.num_layers ? type : NumberType::kBFloat16;
}

std::size_t weight_bytes(const TransformerSpec& shard, NumberType type) {
  const std::int64_t outputs = shard.qkv_dim() + 2 * shard.hidden + 2 * padded_ffn(shard.ffn);
  const std::int64_t matrices = std::int64_t{shard.hidden} * (shard.qkv_dim() + shard.query_dim()) +
                                std::int64_t{3} * shard.hidden * padded_ffn(shard.ffn);
  const std::int64_t norms = std::int64_t{4} * 2 * shard.head_dim;
  std::int64_t total = std::int64_t{shard.vocab} * shard.hidden * 2 + std::int64_t{3} * 4 * shard.hidden;
  for (std::int32_t layer = 0; layer < shard.num_layers; ++layer) {
    total +=
        norms + (is_quantized(type_of_layer(shard, type, layer)) ? matrices + 4 * outputs : 2 * matrices);
  }
  return size(total);
}

DeviceWeights upload_weights(TransformerWeights& weights, const Shard& shard, NumberType type) {
  const TransformerSpec spec = shard_shape(weights.spec(), shard);
  DeviceWeights uploaded;
  for (std::int32_t layer = 0; layer < spec.num_layers; ++layer) {
    uploaded.layers.push_back(
        upload_layer(weights.layer(layer), spec, shard.index, type_of_layer(spec, type, layer)));
    if (shard.index + 1 == shard.count) weights.release_layer(layer);
  }
  Uploader uploader;
  uploaded.embedding = DeviceBuffer(size(std::int64_t{spec.vocab} * spec.hidden) * 2);
  uploader.copy({weights.embedding(), 0, spec.vocab, 0, spec.hidden}, uploaded.embedding.as<DeviceBFloat16>(),
                spec.hidden);
  uploaded.final_norm = uploader.floats(weights.final_norm());
  uploaded.head_no = uploader.floats(weights.head_no());
  uploaded.head_yes = uploader.floats(weights.head_yes());
  return uploaded;
}

}  // namespace rerank::cuda
