// What becomes of the results of our matrix products; see fused_gemm.cu. For kernels only.
#pragma once

#include <climits>
#include <cstdint>

#include "backend/cuda/fused_gemm_block.cuh"

namespace rerank::cuda {

// Results as numbers, times the scales of their outputs.
template <NumberType Type>
__device__ inline Vector8 value_of(uint4 results, const Vector8& scales) {
  const Vector8 values = unpack8(results);
  return is_quantized(Type) ? times8(values, scales) : values;
}

// A finisher has finish(tile, number of rows, for_each_part), which calls for_each_part(use), which calls
// use(part) for the parts of that tile: what all of them need is read once, and before they are waited for.
// It has expect() of the block's last tile, which the multipliers finish. If it asks for rows, row(index,
// scale) is what the parts then know of each.
struct ScaledRows {
  using Row = float;
  __device__ static Row row(int, float scale) { return scale; }
};

template <NumberType Type>
struct GateUp : ScaledRows {
  static constexpr NumberType kType = Type;
  static constexpr bool kAsksRows = true;

  ActivationRows out;
  const float* scales;  // of outputs
  std::int32_t ffn;

  template <typename ForEachPart>
  __device__ void finish(int tile, int num_rows, const ForEachPart& for_each_part) const {
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
    for_each_part([&](const auto& part) {
      part.template for_each_row<16, 2>(
          [&](int part_row) {
            return Fetched{part.results(part_row, chunk), part.results(part_row, kGemmHalf / 8 + chunk),
                           part.rows[part_row]};
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
    });
  }
  __device__ void expect(int, int, int, int) const {}
};

// What the heads of a tile are: all queries or all keys, all values, or neither.
enum class TileHeads : std::uint8_t { kTurned, kValues, kMixed };

// A thread has 8 numbers of the first half of a head and the 8 that they turn with, in each half of the tile:
// they turn by the same angles.
template <int HeadDim, NumberType Type>
struct Qkv {
  static constexpr NumberType kType = Type;
  static constexpr bool kAsksRows = true;
  static constexpr int kHalf = HeadDim / 2;           // of a head
  static constexpr int kThreads = HeadDim / 16;       // of a head
  static constexpr int kHeads = kGemmHalf / HeadDim;  // of half a tile
  static constexpr int kLanes = kThreads * kHeads;

  QkvArguments a;
  const float* scales;  // of outputs

  struct alignas(16) Row {
    float scale;
    int position;
    int slot;
  };
  struct Fetched {
    uint4 low[2], high[2];
    Row row;
  };

  __device__ Row row(int index, float scale) const {
    return {scale, a.positions[index], a.end_head > a.num_heads ? a.slots[index] : -1};
  }

  __device__ void expect(int, int, int, int) const {}

  template <typename ForEachPart>
  __device__ void finish(int tile, int num_rows, const ForEachPart& for_each_part) const {
    const int first_head = a.first_head + tile * 2 * kHeads, end_head = first_head + 2 * kHeads;
    const int values = a.num_heads + a.num_kv_heads;
    if (end_head <= a.num_heads || (first_head >= a.num_heads && end_head <= values)) {
      finish_heads<TileHeads::kTurned>(first_head, num_rows, for_each_part);
    } else if (first_head >= values) {
      finish_heads<TileHeads::kValues>(first_head, num_rows, for_each_part);
    } else {
      finish_heads<TileHeads::kMixed>(first_head, num_rows, for_each_part);
    }
  }

  template <TileHeads Heads, typename ForEachPart>
  __device__ void finish_heads(int first_head, int num_rows, const ForEachPart& for_each_part) const {
    constexpr bool kTurned = Heads != TileHeads::kValues, kMixed = Heads == TileHeads::kMixed;
    constexpr int kNorms = kMixed ? 2 : 1;
    const int thread = threadIdx.x % kLanes, column = thread % kThreads * 8;
    const int heads[2] = {first_head + thread / kThreads, first_head + kHeads + thread / kThreads};
    const int chunk = (thread / kThreads * HeadDim + column) / 8, kv_dim = a.num_kv_heads * HeadDim;
    const int stride = a.num_heads * HeadDim + 2 * kv_dim, first = heads[0] * HeadDim + column;
    DeviceBFloat16* const out = a.qkv + first;
    DeviceBFloat16* const store = a.store + (first - a.num_heads * HeadDim);
    int end_row[2], first_slot[2];  // of what is stored
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      end_row[half] = heads[half] < a.end_head ? num_rows : 0;
      first_slot[half] = heads[half] < a.num_heads ? INT_MAX : 0;
    }
    Vector8 low_norms[kNorms], high_norms[kNorms], frequencies, low_scales[2], high_scales[2];
    if (is_quantized(Type)) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        const int head = min(heads[half], a.num_heads + 2 * a.num_kv_heads - 1);
        low_scales[half] = load8(scales + head * HeadDim + column);
        high_scales[half] = load8(scales + head * HeadDim + kHalf + column);
      }
    }
    if (kTurned) {
      frequencies = load8(a.frequencies + column);
#pragma unroll
      for (int half = 0; half < kNorms; ++half) {
        const float* norm = heads[half] < a.num_heads ? a.query_norm : a.key_norm;
        low_norms[half] = load8(norm + column);
        high_norms[half] = load8(norm + kHalf + column);
      }
    }
    for_each_part([&](const auto& part) {
      part.template for_each_row<kLanes, 1>(
          [&](int part_row) {
            Fetched fetched;
#pragma unroll
            for (int half = 0; half < 2; ++half) {
              fetched.low[half] = part.results(part_row, half * (kGemmHalf / 8) + chunk);
              fetched.high[half] = part.results(part_row, half * (kGemmHalf / 8) + chunk + kHalf / 8);
            }
            fetched.row = part.rows[part_row];
            return fetched;
          },
          [&](int part_row, bool inside, const Fetched& fetched) {
            const int row = part.first_row + part_row, slot = fetched.row.slot;
            DeviceBFloat16* const to = out + static_cast<std::int64_t>(row) * stride;
            DeviceBFloat16* const kept_to = store + static_cast<std::int64_t>(slot) * (2 * kv_dim);
            Vector8 lows[2], highs[2];
#pragma unroll
            for (int half = 0; half < 2; ++half) {
              lows[half] = value_of<Type>(fetched.low[half], low_scales[half]);
              highs[half] = value_of<Type>(fetched.high[half], high_scales[half]);
            }
            float2 rotations[8];
            float factors[2];
            if (kTurned) {
#pragma unroll
              for (int e = 0; e < 8; ++e)
                rotations[e] = rotation_of(fetched.row.position, frequencies.values[e]);
              find_factors(lows, highs, fetched.row.scale, factors);
            }
#pragma unroll
            for (int half = 0; half < 2; ++half) {
              Vector8 &low = lows[half], &high = highs[half];
              if (!kTurned || (kMixed && heads[half] >= a.num_heads + a.num_kv_heads)) {
                low = scaled8(low, fetched.row.scale);
                high = scaled8(high, fetched.row.scale);
              } else {
                turn(low, high, low_norms[half % kNorms], high_norms[half % kNorms], rotations,
                     factors[half]);
              }
              const bool wanted = inside && row < end_row[half], kept = wanted && slot >= first_slot[half];
              const uint4 low_bits = pack8(low), high_bits = pack8(high);
              store_if(wanted, to + half * kGemmHalf, low_bits);
              store_if(wanted, to + half * kGemmHalf + kHalf, high_bits);
              store_if(kept, kept_to + half * kGemmHalf, low_bits);
              store_if(kept, kept_to + half * kGemmHalf + kHalf, high_bits);
            }
          });
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
      factors[half] = rsqrtf(sums[half] * scale * (scale / HeadDim) + a.eps) * scale;
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
struct StoreProduct : ScaledRows {
  static constexpr NumberType kType = Type;
  static constexpr bool kAsksRows = Type == NumberType::kInt8;

  Residual out;         // its first number alone
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
