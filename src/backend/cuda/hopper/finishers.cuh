// The epilogues of the MLP's first product and of products that are added; see fused_gemm.cu. For kernels
// only.
#pragma once

#include <cstdint>

#include "backend/cuda/hopper/finisher.cuh"

namespace rerank::cuda {

template <NumberType Type, MlpActivation Gate, bool HasBias>
struct GateUp : ScaledRows {
  static constexpr NumberType kType = Type;
  static constexpr bool kAsksRows = true;

  ActivationRows out;
  const float* scales;  // of outputs
  const float* bias;    // of outputs
  std::int32_t ffn;

  template <typename ForEachPart>
  __device__ void finish(int tile, int num_rows, const ForEachPart& for_each_part) const {
    const int chunk = threadIdx.x % 16, column = tile * kGemmHalf + 8 * chunk;
    Vector8 gate_scales, up_scales;
    if (is_quantized(Type) && column < ffn) {
      gate_scales = load8(scales + column);
      up_scales = load8(scales + ffn + column);
    }
    Vector8 gate_bias, up_bias;
    if (HasBias && column < ffn) {
      gate_bias = load8(bias + column);
      up_bias = load8(bias + ffn + column);
    }
    struct Fetched {
      uint4 gate, up;
      float scale;
    };
    for_each_part([&](const auto& part) {
      part.template for_each_row<16, 2>(
          [&](int part_row) {
            return Fetched{part.results(part_row, chunk), part.results(part_row, kGemmHalf / 8 + chunk),
                           part.rows[part_row]};
          },
          [&](int part_row, bool inside, const Fetched& fetched) {
            const std::int64_t row = part.first_row + part_row, at = row * ffn + column;
            const bool wanted = inside && row < num_rows && column < ffn;
            Vector8 gate = value_of<Type>(fetched.gate, gate_scales);
            Vector8 up = value_of<Type>(fetched.up, up_scales);
            float scale = fetched.scale;
            if (HasBias) {
              gate = plus8(scaled8(gate, scale), gate_bias);
              up = plus8(scaled8(up, scale), up_bias);
              scale = 1;
            }
            const Vector8 values = gated8<Gate>(gate, up, scale);
            if constexpr (Type == NumberType::kE4m3) {
              store_if(wanted, out.e4m3 + at, pack8_e4m3(values));
            } else {
              store_if(wanted, out.values + at, pack8(values));
            }
          });
    });
  }
  __device__ void expect(int, int, int, int) const {}
};

// Without a gate: activates all outputs, with a bias.
template <MlpActivation Function>
struct Activated : ScaledRows {
  static constexpr NumberType kType = NumberType::kBFloat16;
  static constexpr bool kAsksRows = true;

  DeviceBFloat16* out;
  const float* bias;
  std::int32_t ffn;

  template <typename ForEachPart>
  __device__ void finish(int tile, int num_rows, const ForEachPart& for_each_part) const {
    const int chunk = threadIdx.x % 16;
    const int columns[2] = {tile * kGemmColumns + 8 * chunk, tile * kGemmColumns + kGemmHalf + 8 * chunk};
    Vector8 biases[2] = {};
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      if (columns[half] < ffn) biases[half] = load8(bias + columns[half]);
    }
    struct Fetched {
      uint4 results[2];
      float scale;
    };
    for_each_part([&](const auto& part) {
      part.template for_each_row<16, 1>(
          [&](int part_row) {
            return Fetched{{part.results(part_row, chunk), part.results(part_row, kGemmHalf / 8 + chunk)},
                           part.rows[part_row]};
          },
          [&](int part_row, bool inside, const Fetched& fetched) {
            const std::int64_t row = part.first_row + part_row;
#pragma unroll
            for (int half = 0; half < 2; ++half) {
              const bool wanted = inside && row < num_rows && columns[half] < ffn;
              const Vector8 x = plus8(scaled8(unpack8(fetched.results[half]), fetched.scale), biases[half]);
              store_if(wanted, out + row * ffn + columns[half], pack8(activated8<Function>(x)));
            }
          });
    });
  }
  __device__ void expect(int, int, int, int) const {}
};

// The scales of a lane's outputs in a tile, in groups of ResidualPart.
template <NumberType Type>
struct OutputScales {
  Vector8 values[is_quantized(Type) ? ResidualPart::kGroups : 1];

  __device__ OutputScales(const float* scales, const ResidualPart& part) {
    if constexpr (is_quantized(Type)) {
#pragma unroll
      for (int group = 0; group < ResidualPart::kGroups; ++group) {
        // Zeros past the last output: its results are zeros too, and are included in the sums of squares.
        values[group] = part.column(group) < part.x.hidden ? load8(scales + part.column(group)) : Vector8{};
      }
    }
  }
  __device__ Vector8 value(uint4 results, int group, float row_scale) const {
    if constexpr (is_quantized(Type)) return scaled8(times8(unpack8(results), values[group]), row_scale);
    return unpack8(results);
  }
};

template <NumberType Type>
struct AddProduct : ScaledRows {
  static constexpr NumberType kType = Type;
  static constexpr bool kAsksRows = Type == NumberType::kInt8;

  Residual x;
  const float* scales;  // of outputs

  template <typename ForEachPart>
  __device__ void finish(int tile, int num_rows, const ForEachPart& for_each_part) const {
    const OutputScales<Type> output_scales(scales, {x, 0, tile, true});
    for_each_part([&](const auto& part) { finish_part(part, tile, num_rows, output_scales); });
  }
  template <typename Part>
  __device__ void finish_part(const Part& part, int tile, int num_rows,
                              const OutputScales<Type>& output_scales) const {
    struct Fetched {
      Residual8 before[ResidualPart::kGroups];
    };
    const auto residual_part = [&](int part_row) {
      const int row = part.first_row + part_row;
      return ResidualPart{x, row, tile, row < num_rows};
    };
    part.template for_each_row<ResidualPart::kLanes, 1>(
        [&](int part_row) {
          const ResidualPart residual = residual_part(part_row);
          Fetched fetched;
#pragma unroll
          for (int group = 0; group < ResidualPart::kGroups; ++group) {
            fetched.before[group] = residual.load(group);
          }
          return fetched;
        },
        [&](int part_row, bool inside, const Fetched& fetched) {
          if (!inside) return;  // the whole warp
          ResidualPart residual = residual_part(part_row);
          const float row_scale = kAsksRows ? part.rows[part_row] : 1;
#pragma unroll
          for (int group = 0; group < ResidualPart::kGroups; ++group) {
            const uint4 results =
                part.results(part_row, group * ResidualPart::kLanes + threadIdx.x % ResidualPart::kLanes);
            residual.add(group, fetched.before[group], output_scales.value(results, group, row_scale));
          }
          residual.finish();
        });
  }
  // Prefetches to the L2 cache: there is nothing else to do meanwhile.
  __device__ void expect(int first_row, int num_row_parts, int tile, int num_rows) const {
    const int column = tile * kGemmColumns, bytes = 2 * min(kGemmColumns, x.hidden - column);
    const int end = min(first_row + num_row_parts * kGemmPartRows, num_rows);
    for (int row = first_row + threadIdx.x - 32; row < end; row += 32 * kGemmFinishers) {
      prefetch(x.high + static_cast<std::int64_t>(row) * x.hidden + column, bytes);
      prefetch(x.low + static_cast<std::int64_t>(row) * x.hidden + column, bytes / 2);
    }
  }
};
static_assert(kGemmColumns == kSquarePart);

template <NumberType Type>
struct StoreProduct : ScaledRows {
  static constexpr NumberType kType = Type;
  static constexpr bool kAsksRows = Type == NumberType::kInt8;

  Residual out;         // only `high` is used
  const float* scales;  // of outputs

  template <typename ForEachPart>
  __device__ void finish(int tile, int num_rows, const ForEachPart& for_each_part) const {
    const OutputScales<Type> output_scales(scales, {out, 0, tile, true});
    for_each_part([&](const auto& part) {
      part.template for_each_row<ResidualPart::kLanes, 1>(
          [&](int part_row) { return kAsksRows ? part.rows[part_row] : 1.0f; },
          [&](int part_row, bool inside, float row_scale) {
            const int row = part.first_row + part_row;
            const ResidualPart place{out, row, tile, inside && row < num_rows};
#pragma unroll
            for (int group = 0; group < ResidualPart::kGroups; ++group) {
              if (!place.has(group)) continue;
              const uint4 results =
                  part.results(part_row, group * ResidualPart::kLanes + threadIdx.x % ResidualPart::kLanes);
              *reinterpret_cast<uint4*>(out.high + place.at(group)) =
                  pack8(output_scales.value(results, group, row_scale));
            }
          });
    });
  }
  __device__ void expect(int, int, int, int) const {}
};

}  // namespace rerank::cuda
