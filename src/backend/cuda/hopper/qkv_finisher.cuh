// The epilogue of queries, keys and values: norms or biases, rotation, and storing in slots. For kernels
// only.
#pragma once

#include <climits>
#include <cstdint>

#include "backend/cuda/hopper/finisher.cuh"

namespace rerank::cuda {

// What the heads of a tile are: only queries or keys, only values, or both.
enum class TileHeads : std::uint8_t { kRotated, kValues, kMixed };

// A thread has 8 values of the first half of a head and the 8 that are rotated with them: in each half of the
// tile, with the same angles; or one in each half if a head is the whole tile. Heads have either a norm or a
// bias.
template <int HeadDim, NumberType Type, bool HasNorm>
struct Qkv {
  static constexpr NumberType kType = Type;
  static constexpr bool kAsksRows = true;
  static constexpr int kHalf = HeadDim / 2;      // of a head
  static constexpr int kThreads = HeadDim / 16;  // of a head
  static constexpr bool kIsWide = HeadDim > kGemmHalf;
  static constexpr int kPairs = kIsWide ? 1 : 2;                    // per thread
  static constexpr int kHeads = kIsWide ? 1 : kGemmHalf / HeadDim;  // in one half of the tile
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
    // Norms are the same for all queries and for all keys; every head has its own bias.
    constexpr int kTerms = HasNorm && !kMixed ? 1 : kPairs;
    const int thread = threadIdx.x % kLanes, column = thread % kThreads * 8;
    int heads[kPairs];
#pragma unroll
    for (int pair = 0; pair < kPairs; ++pair) heads[pair] = first_head + pair * kHeads + thread / kThreads;
    const int chunk = (thread / kThreads * HeadDim + column) / 8, kv_dim = a.num_kv_heads * HeadDim;
    const int stride = a.num_heads * HeadDim + 2 * kv_dim, first = heads[0] * HeadDim + column;
    DeviceBFloat16* const out = a.qkv + first;
    DeviceBFloat16* const store = a.store + (first - a.num_heads * HeadDim);
    int end_row[kPairs], first_slot[kPairs];  // of the stored values
#pragma unroll
    for (int pair = 0; pair < kPairs; ++pair) {
      end_row[pair] = heads[pair] < a.end_head ? num_rows : 0;
      first_slot[pair] = heads[pair] < a.num_heads ? INT_MAX : 0;
    }
    // The first of a thread's outputs; heads past the last one use the last.
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

  // The factors of RMSNorm for a thread's heads, interleaved. Called by whole warps: several lanes share a
  // head.
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

}  // namespace rerank::cuda
