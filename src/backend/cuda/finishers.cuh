// What becomes of the results of our matrix products; see fused_gemm.cu. For kernels only.
#pragma once

#include <cstdint>

#include "backend/cuda/fused_gemm_block.cuh"

namespace rerank::cuda {

// Results as numbers, times the scales of their outputs.
template <NumberType Type>
__device__ inline Vector8 value_of(uint4 results, const Vector8& scales) {
  const Vector8 values = unpack8(results);
  return is_quantized(Type) ? times8(values, scales) : values;
}

// A finisher has finish(part, tile, number of rows), and expect() of the block's last tile, which the
// multipliers finish. kScaled: it wants the scales of rows.
template <NumberType Type>
struct GateUp {
  static constexpr NumberType kType = Type;
  static constexpr bool kScaled = true;

  ActivationRows out;
  const float* scales;  // of outputs
  std::int32_t ffn;

  template <int Warps>
  __device__ void finish(const GemmPart<Warps>& part, int tile, int num_rows) const {
    const int chunk = threadIdx.x % 16, column = tile * kGemmHalf + 8 * chunk;
    Vector8 gate_scales, up_scales;
    if (is_quantized(Type) && column < ffn) {
      gate_scales = load8(scales + column);
      up_scales = load8(scales + ffn + column);
    }
    struct Fetched {
      uint4 gate, up;
      float scale;
    };
    part.template for_each_row<16, 2>(
        [&](int part_row) {
          return Fetched{part.results(part_row, chunk), part.results(part_row, kGemmHalf / 8 + chunk),
                         part.scales[part_row]};
        },
        [&](int part_row, bool inside, const Fetched& fetched) {
          const std::int64_t row = part.first_row + part_row, at = row * ffn + column;
          const bool wanted = inside && row < num_rows && column < ffn;
          const Vector8 values = swiglu8(value_of<Type>(fetched.gate, gate_scales),
                                         value_of<Type>(fetched.up, up_scales), fetched.scale);
          if constexpr (Type == NumberType::kE4m3) {
            store_if(wanted, out.e4m3 + at, pack8_e4m3(values));
          } else {
            store_if(wanted, out.values + at, pack8(values));
          }
        });
  }
  __device__ void expect(int, int, int, int) const {}
};

// A thread has 8 numbers of the first half of a head and the 8 that they turn with, in each half of the tile:
// they turn by the same angles.
template <int HeadDim, NumberType Type>
struct Qkv {
  static constexpr NumberType kType = Type;
  static constexpr bool kScaled = true;
  static constexpr int kHalf = HeadDim / 2;           // of a head
  static constexpr int kThreads = HeadDim / 16;       // of a head
  static constexpr int kHeads = kGemmHalf / HeadDim;  // of half a tile
  static constexpr int kLanes = kThreads * kHeads;

  QkvArguments a;
  const float* scales;  // of outputs

  struct Fetched {
    uint4 low[2], high[2];
    float scale;
    int position;
    int slot;
  };

  __device__ void expect(int, int, int, int) const {}

  template <int Warps>
  __device__ void finish(const GemmPart<Warps>& part, int tile, int num_rows) const {
    const int first_head = a.first_head + tile * 2 * kHeads;
    const int values = a.num_heads + a.num_kv_heads;
    if (first_head + 2 * kHeads <= values) {
      finish_rows<true, false>(part, first_head, num_rows);
    } else if (first_head < values) {
      finish_rows<true, true>(part, first_head, num_rows);
    } else {
      finish_rows<false, true>(part, first_head, num_rows);
    }
  }

  template <bool AnyTurned, bool AnyValue, int Warps>
  __device__ void finish_rows(const GemmPart<Warps>& part, int first_head, int num_rows) const {
    const int thread = threadIdx.x % kLanes, column = thread % kThreads * 8;
    const int heads[2] = {first_head + thread / kThreads, first_head + kHeads + thread / kThreads};
    const int chunk = (thread / kThreads * HeadDim + column) / 8, kv_dim = a.num_kv_heads * HeadDim;
    const std::int64_t stride = a.num_heads * HeadDim + 2 * kv_dim;
    Vector8 low_norms[2], high_norms[2], frequencies, low_scales[2], high_scales[2];
    if (is_quantized(Type)) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int head = min(heads[half], a.num_heads + 2 * a.num_kv_heads - 1);
        low_scales[half] = load8(scales + head * HeadDim + column);
        high_scales[half] = load8(scales + head * HeadDim + kHalf + column);
      }
    }
    if (AnyTurned) {
      frequencies = load8(a.frequencies + column);
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const float* norm = heads[half] < a.num_heads ? a.query_norm : a.key_norm;
        low_norms[half] = load8(norm + column);
        high_norms[half] = load8(norm + kHalf + column);
      }
    }
    const bool any_kept = first_head + 2 * kHeads > a.num_heads;
    part.template for_each_row<kLanes, 1>(
        [&](int part_row) {
          const int row = min(part.first_row + part_row, num_rows - 1);
          Fetched fetched;
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            fetched.low[half] = part.results(part_row, half * (kGemmHalf / 8) + chunk);
            fetched.high[half] = part.results(part_row, half * (kGemmHalf / 8) + chunk + kHalf / 8);
          }
          fetched.scale = part.scales[part_row];
          fetched.position = AnyTurned ? __ldg(a.positions + row) : 0;
          fetched.slot = any_kept ? __ldg(a.slots + row) : -1;
          return fetched;
        },
        [&](int part_row, bool inside, const Fetched& fetched) {
          const std::int64_t row = part.first_row + part_row;
          Vector8 lows[2], highs[2];
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            lows[half] = value_of<Type>(fetched.low[half], low_scales[half]);
            highs[half] = value_of<Type>(fetched.high[half], high_scales[half]);
          }
          float2 rotations[8];
          float factors[2];
          if (AnyTurned) {
#pragma unroll
            for (int e = 0; e < 8; ++e) rotations[e] = rotation_of(fetched.position, frequencies.values[e]);
            find_factors(lows, highs, fetched.scale, factors);
          }
#pragma unroll
          for (int half = 0; half < 2; ++half) {
            const int head = heads[half];
            Vector8 &low = lows[half], &high = highs[half];
            if (AnyValue && (!AnyTurned || head >= a.num_heads + a.num_kv_heads)) {
              low = scaled8(low, fetched.scale);
              high = scaled8(high, fetched.scale);
            } else {
              turn(low, high, low_norms[half], high_norms[half], rotations, factors[half]);
            }
            const bool wanted = inside && row < num_rows && head < a.end_head;
            DeviceBFloat16* to = a.qkv + row * stride + head * HeadDim + column;
            const uint4 low_bits = pack8(low), high_bits = pack8(high);
            store_if(wanted, to, low_bits);
            store_if(wanted, to + kHalf, high_bits);
            const bool kept = wanted && fetched.slot >= 0 && head >= a.num_heads;
            to = a.store + static_cast<std::int64_t>(fetched.slot) * 2 * kv_dim +
                 (head - a.num_heads) * HeadDim + column;
            store_if(kept, to, low_bits);
            store_if(kept, to + kHalf, high_bits);
          }
        });
  }

  // What RMSNorm multiplies the heads of both halves by, side by side. By whole warps: several lanes hold a
  // head.
  __device__ void find_factors(const Vector8 (&lows)[2], const Vector8 (&highs)[2], float scale,
                               float (&factors)[2]) const {
    float sums[2];
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      const Vector8 &low = lows[half], &high = highs[half];
      float parts[4] = {};
#pragma unroll
      for (int e = 0; e < 8; ++e) {
        parts[e % 2] += low.values[e] * low.values[e];
        parts[2 + e % 2] += high.values[e] * high.values[e];
      }
      sums[half] = (parts[0] + parts[1]) + (parts[2] + parts[3]);
    }
#pragma unroll
    for (int offset = kThreads / 2; offset > 0; offset /= 2) {
#pragma unroll
      for (float& sum : sums) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
    }
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      factors[half] = rsqrtf(sums[half] * scale * scale / HeadDim + a.eps) * scale;
    }
  }

  __device__ static void turn(Vector8& low, Vector8& high, const Vector8& low_norm, const Vector8& high_norm,
                              const float2 (&rotations)[8], float factor) {
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      const float first = low.values[e] * factor * low_norm.values[e];
      const float second = high.values[e] * factor * high_norm.values[e];
      low.values[e] = first * rotations[e].x - second * rotations[e].y;
      high.values[e] = second * rotations[e].x + first * rotations[e].y;
    }
  }
};

// The scales of a lane's outputs of a tile, in groups of ResidualPart.
template <NumberType Type>
struct OutputScales {
  Vector8 values[is_quantized(Type) ? ResidualPart::kGroups : 1];

  __device__ OutputScales(const float* scales, const ResidualPart& part) {
    if constexpr (is_quantized(Type)) {
#pragma unroll
      for (int group = 0; group < ResidualPart::kGroups; ++group) {
        // Zeros past the last output: its results are zeros too, and go into the sums of squares.
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
struct AddProduct {
  static constexpr NumberType kType = Type;
  static constexpr bool kScaled = Type == NumberType::kInt8;

  Residual x;
  const float* scales;  // of outputs

  template <int Warps>
  __device__ void finish(const GemmPart<Warps>& part, int tile, int num_rows) const {
    struct Fetched {
      Residual8 before[ResidualPart::kGroups];
    };
    const auto residual_part = [&](int part_row) {
      const int row = part.first_row + part_row;
      return ResidualPart{x, row, tile, row < num_rows};
    };
    const OutputScales<Type> output_scales(scales, residual_part(0));
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
          const float row_scale = kScaled ? part.scales[part_row] : 1;
#pragma unroll
          for (int group = 0; group < ResidualPart::kGroups; ++group) {
            const uint4 results =
                part.results(part_row, group * ResidualPart::kLanes + threadIdx.x % ResidualPart::kLanes);
            residual.add(group, fetched.before[group], output_scales.value(results, group, row_scale));
          }
          residual.finish();
        });
  }
  // Into the second-level cache: there is nothing else to do meanwhile.
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
struct StoreProduct {
  static constexpr NumberType kType = Type;
  static constexpr bool kScaled = Type == NumberType::kInt8;

  Residual out;         // its first number alone
  const float* scales;  // of outputs

  template <int Warps>
  __device__ void finish(const GemmPart<Warps>& part, int tile, int num_rows) const {
    const OutputScales<Type> output_scales(scales, {out, 0, tile, true});
    part.template for_each_row<ResidualPart::kLanes, 1>(
        [&](int part_row) { return kScaled ? part.scales[part_row] : 1.0f; },
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
  }
  __device__ void expect(int, int, int, int) const {}
};

}  // namespace rerank::cuda
