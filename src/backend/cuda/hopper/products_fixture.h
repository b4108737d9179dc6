// Random rows and weights with each model's sizes on a GPU, for tests of matrix products only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <ostream>
#include <vector>

#include "backend/cuda/gemm.h"
#include "backend/cuda/hopper/fused_gemm.h"
#include "backend/cuda/size.h"
#include "base/data_type.h"

namespace rerank::cuda {

inline constexpr std::int32_t kHeadDim = 128, kMaxRows = 2304;
inline constexpr float kEps = 1e-6f;

struct Shape {
  const char* name;
  std::int32_t hidden, ffn, num_heads, num_kv_heads;
  NumberType type = NumberType::kBFloat16;

  bool is_quantized() const { return cuda::is_quantized(type); }
  std::int32_t query_dim() const { return num_heads * kHeadDim; }
  std::int32_t qkv_dim() const { return (num_heads + 2 * num_kv_heads) * kHeadDim; }
};

inline void PrintTo(const Shape& shape, std::ostream* out) {
  *out << shape.name;
}

inline std::vector<float> on_host(const DeviceBFloat16* from, std::size_t count) {
  std::vector<BFloat16> bits(count);
  RERANK_CUDA_CHECK(cudaMemcpy(bits.data(), from, 2 * count, cudaMemcpyDeviceToHost));
  std::vector<float> values(count);
  std::ranges::transform(bits, values.begin(), [](BFloat16 value) { return to_float(value); });
  return values;
}

template <typename T>
DeviceBuffer on_device(const std::vector<T>& values) {
  DeviceBuffer buffer(values.size() * sizeof(T));
  RERANK_CUDA_CHECK(
      cudaMemcpy(buffer.as<void>(), values.data(), buffer.size_bytes(), cudaMemcpyHostToDevice));
  RERANK_CUDA_CHECK(cudaStreamSynchronize(nullptr));  // the copy may return before it is complete
  return buffer;
}

// A sign, 4 bits of exponent, 3 bits of significand.
inline float from_e4m3(std::uint8_t bits) {
  const int exponent = bits >> 3 & 15, significand = bits & 7;
  const float value = exponent == 0 ? std::ldexp(static_cast<float>(significand), -9)
                                    : std::ldexp(static_cast<float>(8 + significand), exponent - 10);
  return (bits & 128) != 0 ? -value : value;
}

inline std::vector<float> on_host(const QuantizedRows& rows, std::int64_t first_row, std::int64_t num_rows,
                                  std::int64_t columns) {
  std::vector<std::uint8_t> bits(static_cast<std::size_t>(num_rows * columns));
  std::vector<float> scales(static_cast<std::size_t>(num_rows)), values(bits.size());
  RERANK_CUDA_CHECK(
      cudaMemcpy(bits.data(), rows.values + first_row * columns, bits.size(), cudaMemcpyDeviceToHost));
  if (rows.scales != nullptr) {
    RERANK_CUDA_CHECK(
        cudaMemcpy(scales.data(), rows.scales + first_row, 4 * scales.size(), cudaMemcpyDeviceToHost));
  }
  for (std::size_t i = 0; i < bits.size(); ++i) {
    const float value =
        rows.type == NumberType::kInt8 ? static_cast<std::int8_t>(bits[i]) : from_e4m3(bits[i]);
    values[i] = rows.scales == nullptr ? value : value * scales[i / static_cast<std::size_t>(columns)];
  }
  return values;
}

// The number of multiprocessors of the first GPU; 0: there is no suitable one.
inline int hopper_processors() {
  int count = 0;
  cudaDeviceProp properties{};
  if (cudaGetDeviceCount(&count) != cudaSuccess || count == 0) return 0;
  if (cudaGetDeviceProperties(&properties, 0) != cudaSuccess || properties.major != 9) return 0;
  return properties.multiProcessorCount;
}

// Empty without a GPU, as in the tests of whole backends.
inline std::vector<Shape> shapes() {
  if (hopper_processors() == 0) return {};
  return {{"0p6B", 1024, 3072, 16, 8},
          {"4B", 2560, 9728, 32, 8},
          {"8B", 4096, 12288, 32, 8},
          {"odd", 208, 304, 3, 1},
          {"0p6B_e4m3", 1024, 3072, 16, 8, NumberType::kE4m3},
          {"8B_e4m3", 4096, 12288, 32, 8, NumberType::kE4m3},
          {"odd_e4m3", 208, 304, 3, 1, NumberType::kE4m3},
          {"0p6B_int8", 1024, 3072, 16, 8, NumberType::kInt8},
          {"8B_int8", 4096, 12288, 32, 8, NumberType::kInt8},
          {"odd_int8", 208, 304, 3, 1, NumberType::kInt8}};
}

// The residual for kMaxRows rows.
struct ResidualBuffers {
  DeviceBuffer high, low, squares;
  Residual rows{};

  explicit ResidualBuffers(std::int32_t hidden)
      : high(size(std::int64_t{2} * kMaxRows * hidden)),
        low(high.size_bytes() / 2),
        squares(size(std::int64_t{4} * kMaxRows * num_square_parts(hidden))),
        rows{high.as<DeviceBFloat16>(), low.as<std::int8_t>(), squares.as<float>(), hidden} {}

  Residual from(std::int32_t row) const {
    return {rows.high + std::int64_t{row} * rows.hidden, rows.low + std::int64_t{row} * rows.hidden,
            rows.squares + std::int64_t{row} * num_square_parts(rows.hidden), rows.hidden};
  }
  std::vector<float> on_host(std::int32_t row) const {
    const std::size_t count = static_cast<std::size_t>(rows.hidden);
    std::vector<std::uint16_t> highs(count);
    std::vector<std::int8_t> lows(count);
    const Residual at = from(row);
    RERANK_CUDA_CHECK(cudaMemcpy(highs.data(), at.high, 2 * count, cudaMemcpyDeviceToHost));
    RERANK_CUDA_CHECK(cudaMemcpy(lows.data(), at.low, count, cudaMemcpyDeviceToHost));
    std::vector<float> values(count);
    for (std::size_t i = 0; i < count; ++i) values[i] = residual_value(highs[i], lows[i]);
    return values;
  }
  void fill_random(cudaStream_t stream) const {
    const std::int64_t count = std::int64_t{kMaxRows} * rows.hidden;
    launch_fill_random(rows.high, count, 3, 4.0f, stream);
    launch_fill_random(low.as<DeviceBFloat16>(), count / 2, 4, 1.0f, stream);  // any bytes
  }
  void clear(cudaStream_t stream) const {
    RERANK_CUDA_CHECK(cudaMemsetAsync(high.as<void>(), 0, high.size_bytes(), stream));
    RERANK_CUDA_CHECK(cudaMemsetAsync(low.as<void>(), 0, low.size_bytes(), stream));
  }
};

class ProductsFixture : public testing::TestWithParam<Shape> {
 protected:
  void SetUp() override {
    num_processors_ = hopper_processors();
    prepare_fused_gemms({.head_dim = kHeadDim, .qk_norm = true});
    const Shape& s = GetParam();
    const std::int64_t widest = std::max({s.hidden, s.ffn, s.query_dim()});
    x_ = DeviceBuffer(size(2 * kMaxRows * widest));
    weight_ = DeviceBuffer(size(2 * widest * std::max({2 * s.ffn, s.qkv_dim(), s.hidden})));
    launch_fill_random(x_.as<DeviceBFloat16>(), kMaxRows * widest, 1, 1.0f, stream_.get());
    launch_fill_random(weight_.as<DeviceBFloat16>(), static_cast<std::int64_t>(weight_.size_bytes() / 2), 2,
                       0.05f, stream_.get());
    quantized_x_ = DeviceBuffer(x_.size_bytes() / 2);
    quantized_weight_ = DeviceBuffer(weight_.size_bytes() / 2);
    x_scales_ = DeviceBuffer(4 * kMaxRows);
    weight_scales_ = DeviceBuffer(size(std::int64_t{4} * std::max({2 * s.ffn, s.qkv_dim(), s.hidden})));
    std::vector<std::int32_t> positions(kMaxRows), slots(kMaxRows);
    for (std::int32_t row = 0; row < kMaxRows; ++row) {
      positions[size(row)] = row * 7 % 3000;
      slots[size(row)] = row % 5 == 0 ? row / 5 : -1;
    }
    std::vector<float> frequencies(kHeadDim / 2), norm(kHeadDim);
    for (int i = 0; i < kHeadDim / 2; ++i) frequencies[size(i)] = std::pow(1e6f, -static_cast<float>(i) / 64);
    for (int i = 0; i < kHeadDim; ++i) norm[size(i)] = 1 + 0.01f * static_cast<float>(i);
    positions_host_ = positions;
    positions_ = on_device(positions);
    slots_ = on_device(slots);
    frequencies_host_ = frequencies;
    frequencies_ = on_device(frequencies);
    norm_host_ = norm;
    norm_ = on_device(norm);
    store_ = DeviceBuffer(size(2 * kMaxRows * 2 * s.num_kv_heads * kHeadDim));
    // Each row has its own scale, about 1 / sqrt(1 + row % 5).
    const int num_parts = num_square_parts(s.hidden);
    std::vector<float> squares(size(std::int64_t{kMaxRows} * num_parts));
    for (std::int32_t row = 0; row < kMaxRows; ++row) {
      for (int part = 0; part < num_parts; ++part) {
        squares[size(std::int64_t{row} * num_parts + part)] =
            static_cast<float>(s.hidden) / static_cast<float>(num_parts) * static_cast<float>(1 + row % 5);
      }
    }
    squares_ = on_device(squares);
  }

  static double scale(std::int32_t row) {
    return GetParam().is_quantized() ? 1 : 1 / std::sqrt(1 + row % 5 + kEps);
  }
  QuantizedRows quantized_x() const {
    return {GetParam().type, quantized_x_.as<std::uint8_t>(), x_scales_.as<float>()};
  }
  QuantizedRows quantized_weight() const {
    return {GetParam().type, quantized_weight_.as<std::uint8_t>(), weight_scales_.as<float>()};
  }
  ProductScale row_scale(std::int32_t first_row) const {
    if (GetParam().is_quantized()) {
      return {.rows = x_scales_.as<float>() + first_row, .outputs = weight_scales_.as<float>()};
    }
    return {.squares = squares_.as<float>() + std::int64_t{first_row} * num_square_parts(GetParam().hidden),
            .eps = kEps};
  }
  // The scale of what launch_add_product adds.
  ProductScale added_scale(std::int32_t first_row) const {
    ProductScale scale = GetParam().is_quantized() ? row_scale(first_row) : ProductScale{};
    if (GetParam().type == NumberType::kE4m3) scale.rows = nullptr;
    return scale;
  }
  // x for products that are added.
  QuantizedRows added_x() const {
    QuantizedRows x = quantized_x();
    if (x.type == NumberType::kE4m3) x.scales = nullptr;
    return x;
  }
  FusedGemmArguments arguments(std::int32_t first_row, std::int32_t num_rows, std::int32_t inputs,
                               std::int32_t outputs) const {
    if (GetParam().is_quantized()) {
      launch_quantize(x_.as<DeviceBFloat16>(), nullptr, quantized_x(), kMaxRows, inputs, stream_.get());
      launch_quantize(weight_.as<DeviceBFloat16>(), nullptr, quantized_weight(), outputs, inputs,
                      stream_.get());
      // A product prefetches weights before the previous kernels have ended.
      RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
      QuantizedRows rows = quantized_x();
      rows.values += std::int64_t{first_row} * inputs;
      return {gemm_view(rows.type, rows.values, num_rows, inputs),
              gemm_view(rows.type, quantized_weight().values, outputs, inputs), num_rows, inputs,
              num_processors_};
    }
    return {gemm_view(NumberType::kBFloat16, x_.as<DeviceBFloat16>() + std::int64_t{first_row} * inputs,
                      num_rows, inputs),
            gemm_view(NumberType::kBFloat16, weight_.as<void>(), outputs, inputs), num_rows, inputs,
            num_processors_};
  }
  // The output of launch_mlp_in at `out`: e4m3 if its operands are.
  static ActivationRows gate_up_rows(void* out) {
    if (GetParam().type == NumberType::kE4m3) return {.e4m3 = static_cast<std::uint8_t*>(out)};
    return {.values = static_cast<DeviceBFloat16*>(out)};
  }
  // Computes rows [first_row, first_row + num_rows) of x.
  void gate_up(std::int32_t first_row, std::int32_t num_rows, void* out) const {
    const Shape& s = GetParam();
    launch_mlp_in(arguments(first_row, num_rows, s.hidden, 2 * s.ffn), row_scale(first_row),
                  {{gate_up_rows(out), nullptr, s.ffn}}, stream_.get());
  }
  QkvArguments qkv_arguments(std::int32_t first_row, DeviceBFloat16* out) const {
    const Shape& s = GetParam();
    return {.qkv = out,
            .store = store_.as<DeviceBFloat16>(),
            .query_norm = norm_.as<float>(),
            .key_norm = norm_.as<float>(),
            .bias = nullptr,
            .frequencies = frequencies_.as<float>(),
            .positions = positions_.as<std::int32_t>() + first_row,
            .slots = slots_.as<std::int32_t>() + first_row,
            .first_head = 0,
            .end_head = s.num_heads + 2 * s.num_kv_heads,
            .num_heads = s.num_heads,
            .num_kv_heads = s.num_kv_heads,
            .head_dim = kHeadDim,
            .eps = kEps};
  }
  void qkv(std::int32_t first_row, std::int32_t num_rows, DeviceBFloat16* out) const {
    const Shape& s = GetParam();
    launch_qkv(arguments(first_row, num_rows, s.hidden, s.qkv_dim()), row_scale(first_row),
               qkv_arguments(first_row, out), stream_.get());
  }

  Stream stream_;
  int num_processors_ = 0;
  DeviceBuffer x_, weight_, positions_, slots_, frequencies_, norm_, store_, squares_;
  DeviceBuffer quantized_x_, quantized_weight_, x_scales_, weight_scales_;
  std::vector<std::int32_t> positions_host_;
  std::vector<float> frequencies_host_, norm_host_;
};

}  // namespace rerank::cuda
