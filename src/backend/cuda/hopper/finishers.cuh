// What becomes of the results of our matrix products; see fused_gemm.cu. For kernels only.
#pragma once

#include <climits>
#include <cstdint>

#include "backend/cuda/hopper/fused_gemm_block.cuh"

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

// Without a gate: of all outputs, with a bias.
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

// What the heads of a tile are: all queries or all keys, all values, or neither.
enum class TileHeads : std::uint8_t { kRotated, kValues, kMixed };

// A thread has 8 numbers of the first half of a head and the 8 that they rotate with: in each half of the
// tile, where the angles are the same; or one in each half, where a head is the whole tile. Heads have a norm
// or else a bias.
template <int HeadDim, NumberType Type, bool HasNorm>
struct Qkv {
  static constexpr NumberType kType = Type;
  static constexpr bool kAsksRows = true;
  static constexpr int kHalf = HeadDim / 2;      // of a head
  static constexpr int kThreads = HeadDim / 16;  // of a head
  static constexpr bool kIsWide = HeadDim > kGemmHalf;
  static constexpr int kPairs = kIsWide ? 1 : 2;                    // that a thread has
  static constexpr int kHeads = kIsWide ? 1 : kGemmHalf / HeadDim;  // of one of them in all threads
  static constexpr int kLanes = kThreads * kHeads;

  QkvArguments a;
  const float* scales;  // of outputs

  struct alignas(16) Row {
    float scale;
    int position;
    int slot;
  };
  struct Fetched {
    uint4 low[kPairs], high[kPairs];
    Row row;
  };

  __device__ Row row(int index, float scale) const {
    return {scale, a.positions[index], a.end_head > a.num_heads ? a.slots[index] : -1};
  }

  __device__ void expect(int, int, int, int) const {}

  template <typename ForEachPart>
  __device__ void finish(int tile, int num_rows, const ForEachPart& for_each_part) const {
    const int first_head = a.first_head + tile * kPairs * kHeads, end_head = first_head + kPairs * kHeads;
    const int values = a.num_heads + a.num_kv_heads;
    if (end_head <= a.num_heads || (first_head >= a.num_heads && end_head <= values)) {
      finish_heads<TileHeads::kRotated>(first_head, num_rows, for_each_part);
    } else if (kPairs * kHeads == 1 || first_head >= values) {
      finish_heads<TileHeads::kValues>(first_head, num_rows, for_each_part);
    } else {
      finish_heads<TileHeads::kMixed>(first_head, num_rows, for_each_part);
    }
  }

  template <TileHeads Heads, typename ForEachPart>
  __device__ void finish_heads(int first_head, int num_rows, const ForEachPart& for_each_part) const {
    constexpr bool kRotated = Heads != TileHeads::kValues, kMixed = Heads == TileHeads::kMixed;
    // Norms are the same for all queries and all keys; every head has a bias of its own.
    constexpr int kTerms = HasNorm && !kMixed ? 1 : kPairs;
    const int thread = threadIdx.x % kLanes, column = thread % kThreads * 8;
    int heads[kPairs];
#pragma unroll
    for (int pair = 0; pair < kPairs; ++pair) heads[pair] = first_head + pair * kHeads + thread / kThreads;
    const int chunk = (thread / kThreads * HeadDim + column) / 8, kv_dim = a.num_kv_heads * HeadDim;
    const int stride = a.num_heads * HeadDim + 2 * kv_dim, first = heads[0] * HeadDim + column;
    DeviceBFloat16* const out = a.qkv + first;
    DeviceBFloat16* const store = a.store + (first - a.num_heads * HeadDim);
    int end_row[kPairs], first_slot[kPairs];  // of what is stored
#pragma unroll
    for (int pair = 0; pair < kPairs; ++pair) {
      end_row[pair] = heads[pair] < a.end_head ? num_rows : 0;
      first_slot[pair] = heads[pair] < a.num_heads ? INT_MAX : 0;
    }
    // Of a head, or of the last one behind them.
    const auto place = [&](int pair) {
      return min(heads[pair], a.num_heads + 2 * a.num_kv_heads - 1) * HeadDim + column;
    };
    Vector8 low_terms[kTerms], high_terms[kTerms], frequencies, low_scales[kPairs], high_scales[kPairs];
    if (is_quantized(Type)) {
#pragma unroll
      for (int pair = 0; pair < kPairs; ++pair) {
        low_scales[pair] = load8(scales + place(pair));
        high_scales[pair] = load8(scales + place(pair) + kHalf);
      }
    }
    if (kRotated) frequencies = load8(a.frequencies + column);
    if (kRotated || !HasNorm) {
#pragma unroll
      for (int pair = 0; pair < kTerms; ++pair) {
        const float* terms = !HasNorm                    ? a.bias + place(pair) - column
                             : heads[pair] < a.num_heads ? a.query_norm
                                                         : a.key_norm;
        low_terms[pair] = load8(terms + column);
        high_terms[pair] = load8(terms + kHalf + column);
      }
    }
    for_each_part([&](const auto& part) {
      part.template for_each_row<kLanes, 1>(
          [&](int part_row) {
            Fetched fetched;
#pragma unroll
            for (int pair = 0; pair < kPairs; ++pair) {
              fetched.low[pair] = part.results(part_row, pair * (kGemmHalf / 8) + chunk);
              fetched.high[pair] = part.results(part_row, pair * (kGemmHalf / 8) + chunk + kHalf / 8);
            }
            fetched.row = part.rows[part_row];
            return fetched;
          },
          [&](int part_row, bool inside, const Fetched& fetched) {
            const int row = part.first_row + part_row, slot = fetched.row.slot;
            DeviceBFloat16* const to = out + static_cast<std::int64_t>(row) * stride;
            DeviceBFloat16* const kept_to = store + static_cast<std::int64_t>(slot) * (2 * kv_dim);
            Vector8 lows[kPairs], highs[kPairs];
#pragma unroll
            for (int pair = 0; pair < kPairs; ++pair) {
              lows[pair] = value_of<Type>(fetched.low[pair], low_scales[pair]);
              highs[pair] = value_of<Type>(fetched.high[pair], high_scales[pair]);
            }
            float2 rotations[8];
            float factors[kPairs];
            if (kRotated) {
#pragma unroll
              for (int e = 0; e < 8; ++e)
                rotations[e] = rotation_of(fetched.row.position, frequencies.values[e]);
              if (HasNorm) find_factors(lows, highs, fetched.row.scale, factors);
            }
#pragma unroll
            for (int pair = 0; pair < kPairs; ++pair) {
              Vector8 &low = lows[pair], &high = highs[pair];
              const bool is_value = !kRotated || (kMixed && heads[pair] >= a.num_heads + a.num_kv_heads);
              if (!HasNorm) {
                add_bias(low, low_terms[pair % kTerms], fetched.row.scale);
                add_bias(high, high_terms[pair % kTerms], fetched.row.scale);
                if (!is_value) rotate(low, high, rotations);
              } else if (is_value) {
                low = scaled8(low, fetched.row.scale);
                high = scaled8(high, fetched.row.scale);
              } else {
                norm_and_rotate(low, high, low_terms[pair % kTerms], high_terms[pair % kTerms], rotations,
                                factors[pair]);
              }
              const bool wanted = inside && row < end_row[pair], kept = wanted && slot >= first_slot[pair];
              const uint4 low_bits = pack8(low), high_bits = pack8(high);
              store_if(wanted, to + pair * kGemmHalf, low_bits);
              store_if(wanted, to + pair * kGemmHalf + kHalf, high_bits);
              store_if(kept, kept_to + pair * kGemmHalf, low_bits);
              store_if(kept, kept_to + pair * kGemmHalf + kHalf, high_bits);
            }
          });
    });
  }

  // What RMSNorm multiplies a thread's heads by, side by side. By whole warps: several lanes hold a head.
  __device__ void find_factors(const Vector8 (&lows)[kPairs], const Vector8 (&highs)[kPairs], float scale,
                               float (&factors)[kPairs]) const {
    float sums[kPairs];
#pragma unroll
    for (int pair = 0; pair < kPairs; ++pair) {
      const Vector8 &low = lows[pair], &high = highs[pair];
      float parts[4] = {};
#pragma unroll
      for (int e = 0; e < 8; ++e) {
        parts[e % 2] += low.values[e] * low.values[e];
        parts[2 + e % 2] += high.values[e] * high.values[e];
      }
      sums[pair] = (parts[0] + parts[1]) + (parts[2] + parts[3]);
    }
#pragma unroll
    for (int offset = kThreads / 2; offset > 0; offset /= 2) {
#pragma unroll
      for (float& sum : sums) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
    }
#pragma unroll
    for (int pair = 0; pair < kPairs; ++pair) {
      factors[pair] = rsqrtf(sums[pair] * scale * (scale / HeadDim) + a.eps) * scale;
    }
  }

  __device__ static void norm_and_rotate(Vector8& low, Vector8& high, const Vector8& low_norm,
                                         const Vector8& high_norm, const float2 (&rotations)[8],
                                         float factor) {
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      const float first = low.values[e] * factor * low_norm.values[e];
      const float second = high.values[e] * factor * high_norm.values[e];
      low.values[e] = first * rotations[e].x - second * rotations[e].y;
      high.values[e] = second * rotations[e].x + first * rotations[e].y;
    }
  }
  __device__ static void rotate(Vector8& low, Vector8& high, const float2 (&rotations)[8]) {
#pragma unroll
    for (int e = 0; e < 8; ++e) {
      const float first = low.values[e], second = high.values[e];
      low.values[e] = first * rotations[e].x - second * rotations[e].y;
      high.values[e] = second * rotations[e].x + first * rotations[e].y;
    }
  }
  __device__ static void add_bias(Vector8& x, const Vector8& bias, float scale) {
#pragma unroll
    for (int e = 0; e < 8; ++e) x.values[e] = fmaf(x.values[e], scale, bias.values[e]);
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
