// The computing warpgroups of an attention block; see attention.cu. For kernels only.
#pragma once

#include "backend/cuda/hopper/attention_block.cuh"
#include "backend/cuda/rows/vectors.cuh"

namespace rerank::cuda {

// A warpgroup's 64 query rows of an item: scores, softmax, sums. Results are e4m3 or bfloat16.
template <int HeadDim, bool IsE4m3, bool IsCausal>
struct Consumer {
  using Shared = Layout<HeadDim>;
  static constexpr int kTile = Shared::kTile;
  static constexpr int kColumns = HeadDim < 64 ? 64 : HeadDim;
  // log2(e) / sqrt(head_dim): the softmax uses powers of two.
  static constexpr float kScale = HeadDim == 256   ? kLog2E * 0.0625f
                                  : HeadDim == 128 ? kLog2E * 0.08838834764831845f
                                  : HeadDim == 64  ? kLog2E * 0.125f
                                                   : kLog2E * 0.17677669529663687f;

  const HopperAttention& a;
  std::uint32_t base;
  Barriers& barriers;
  Place<kSlots> place;
  Place<Shared::kQueryBuffers> query_place;
  int first_row;                // of the warpgroup
  int first_token, last_token;  // in its rows
  int tokens[2];                // of the thread's rows
  int columns[2];               // of the thread's results, within those of an item
  float scores[kTile / 2];
  std::uint32_t weights[kTile / 16][4];  // softmax numerators of a tile, as A of the next product
  float out[kColumns / 2];
  float largest[2], sum[2];

  __device__ Consumer(const HopperAttention& arguments, std::uint32_t address, Barriers& b)
      : a(arguments), base(address), barriers(b) {
    const int group = a.shape.num_heads / a.shape.num_kv_heads;
    first_row = of_lane(static_cast<int>(threadIdx.x) / kWarpgroup - 1, 0) * kConsumerRows;
    first_token = first_row / group;
    last_token = min((first_row + kConsumerRows - 1) / group, kRows / group - 1);
    // A thread has two rows: lane / 4 of its warp's 16, and 8 more.
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int row = first_row + threadIdx.x % kWarpgroup / 32 * 16 + threadIdx.x % 32 / 4 + 8 * i;
      tokens[i] = row / group;
      columns[i] = row % group * HeadDim + threadIdx.x % 4 * 8;
    }
  }

  // Starts scores = queries * keys^T.
  template <int Keys>
  __device__ void multiply_keys(int slot) {
    const std::uint32_t queries = Shared::queries(base, query_place.index) + first_row * 128;
    const std::uint32_t keys = Shared::slot(base, slot);
#pragma unroll
    for (int s = 0; s < HeadDim / 16; ++s) {
      const int block = s / 4, in_block = s % 4 * 32;
      const std::uint64_t x = matrix_descriptor(queries + block * Shared::kQueryBlockBytes + in_block, 16);
      const std::uint64_t y = matrix_descriptor(keys + block * Shared::kBlockBytes + in_block, 16);
      if constexpr (Keys == 128) {
        multiply_rows128(scores, x, y, s > 0);
      } else {
        multiply_rows64(scores, x, y, s > 0);
      }
    }
    products_commit();
  }

  // Starts out += weights * values.
  template <int Keys>
  __device__ void multiply_values(int slot, int accumulate) {
    const std::uint32_t values = Shared::slot(base, slot);
#pragma unroll
    for (int s = 0; s < Keys / 16; ++s) {
      multiply_columns(out, weights[s], matrix_descriptor(values + s * 16 * 128, Shared::kBlockBytes),
                       accumulate || s > 0);
    }
    products_commit();
  }

  __device__ void await_slot() {
    barrier_wait(&barriers.full[place.index], place.parity);
  }
  __device__ void release(std::uint64_t* barrier) {
    __syncwarp();
    if (threadIdx.x % 32 == 0) barrier_arrive(barrier);
  }

  // Masks keys after each row's own position.
  template <int Keys>
  __device__ void mask_causal(const AttentionItem& item, int tile) {
    if (tile * kTile + Keys - 1 <= item.position + first_token) return;
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int last = item.position + min(tokens[i], item.num_tokens - 1) - tile * kTile;
#pragma unroll
      for (int block = 0; block < Keys / 8; ++block) {
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          if (block * 8 + lane % 4 * 2 + e > last) scores[block * 4 + i * 2 + e] = -INFINITY;
        }
      }
    }
  }

  // Masks keys past the end of the prompt and outside of each row's window.
  template <int Keys>
  __device__ void mask_window(const AttentionItem& item, int tile) {
    const int begin = tile * kTile;
    if (begin + Keys <= end_key(a, item, first_token) &&
        (a.window == 0 || begin >= item.position + last_token - a.window)) {
      return;
    }
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int end = end_key(a, item, tokens[i]) - begin;
      const int first =
          a.window == 0 ? 0 : item.position + min(tokens[i], item.num_tokens - 1) - a.window - begin;
#pragma unroll
      for (int block = 0; block < Keys / 8; ++block) {
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          const int key = block * 8 + lane % 4 * 2 + e;
          if (key >= end || key < first) scores[block * 4 + i * 2 + e] = -INFINITY;
        }
      }
    }
  }

  template <int Keys>
  __device__ void mask(const AttentionItem& item, int tile) {
    if constexpr (IsCausal) {
      mask_causal<Keys>(item, tile);
    } else {
      mask_window<Keys>(item, tile);
    }
  }

  // Turns the scores into numerators relative to the largest score so far, and returns the factors by which
  // the sums of previous tiles shrink. With half the keys of a tile it gives the same bits as masking the
  // other half.
  template <int Keys>
  __device__ void softmax(float (&shrink)[2]) {
    float top[2] = {largest[0], largest[1]};
#pragma unroll
    for (int c = 0; c < Keys / 2; ++c) top[c / 2 % 2] = fmaxf(top[c / 2 % 2], scores[c]);
#pragma unroll
    for (int offset = 1; offset < 4; offset *= 2) {
#pragma unroll
      for (int i = 0; i < 2; ++i) top[i] = fmaxf(top[i], __shfl_xor_sync(0xffffffffu, top[i], offset));
    }
#pragma unroll
    for (int c = 0; c < Keys / 2; ++c)
      scores[c] = power_of_two(fmaf(scores[c], kScale, -kScale * top[c / 2 % 2]));
      // Several sums at a time, so that none waits for each power in sequence.
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      shrink[i] = power_of_two(kScale * (largest[i] - top[i]));
      largest[i] = top[i];
      float parts[4] = {};
#pragma unroll
      for (int block = 0; block < Keys / 8; ++block) {
#pragma unroll
        for (int e = 0; e < 2; ++e) parts[block % 2 * 2 + e] += scores[block * 4 + i * 2 + e];
      }
      sum[i] = sum[i] * shrink[i] + ((parts[0] + parts[1]) + (parts[2] + parts[3]));
    }
  }

  template <int Keys>
  __device__ void pack_scores() {
#pragma unroll
    for (int s = 0; s < Keys / 16; ++s) {
#pragma unroll
      for (int part = 0; part < 4; ++part) {
        const int at = (2 * s + part / 2) * 4 + part % 2 * 2;
        weights[s][part] = pack_halves(scores[at], scores[at + 1]);
      }
    }
  }

  // Releases a slot that this warpgroup does not use.
  __device__ void skip() {
    await_slot();
    release(&barriers.empty[place.index]);
    place.advance();
  }

  // The first tile; there is no product to overlap with.
  __device__ void first_tile(const AttentionItem& item, int tile = 0) {
    float shrink[2];
    await_slot();
    products_begin();
    multiply_keys<kTile>(place.index);
    products_wait<0>();
    release(&barriers.empty[place.index]);
    place.advance();
    mask<kTile>(item, tile);
    softmax<kTile>(shrink);
    pack_scores<kTile>();
  }

  // Computes the scores of a later tile during the product of the previous one, which is a whole tile.
  // REQUIRES: its keys have arrived.
  template <int Keys>
  __device__ void next_tile(const AttentionItem& item, int tile, int mine, int start = 0) {
    float shrink[2];
    const int keys = place.index;
    place.advance();
    await_slot();
    const int values = place.index;
    place.advance();
    products_begin();
    multiply_keys<Keys>(keys);
    multiply_values<kTile>(values, tile > start + 1);
    products_wait<1>();
    release(&barriers.empty[keys]);
    mask<Keys>(item, tile);
    softmax<Keys>(shrink);
    // Waits here, because the branch also keeps the compiler from waiting for the values before the softmax.
    if (tile + 1 < mine) await_slot();
    products_wait<0>();
    release(&barriers.empty[values]);
    pack_scores<Keys>();
#pragma unroll
    for (int c = 0; c < kColumns / 2; ++c) out[c] *= shrink[c / 2 % 2];
  }

  // The product of the last tile.
  template <int Keys>
  __device__ void last_values(int accumulate) {
    await_slot();
    products_begin();
    multiply_values<Keys>(place.index, accumulate);
    products_wait<0>();
    release(&barriers.empty[place.index]);
    place.advance();
  }

  // Processes all tiles of an item, except those after this warpgroup's last row, which would change nothing.
  __device__ void attend_causal(const AttentionItem& item) {
    const int all = Shared::num_tiles(item);
    const int last_position = item.position + min(last_token, item.num_tokens - 1);
    const int mine = first_token < item.num_tokens ? last_position / kTile + 1 : 0;
    // Only half of the last tile may be needed.
    const bool half = !Shared::kIsWide && last_position % kTile < kTile / 2;
    largest[0] = largest[1] = -INFINITY;
    sum[0] = sum[1] = 0;
    barrier_wait(&barriers.queries_full[query_place.index], query_place.parity);
    if (mine == 0) {
      release(&barriers.queries_empty[query_place.index]);
      for (int slot = 0; slot < 2 * all; ++slot) skip();
      return;
    }
    first_tile(item);
    if (mine > 1) await_slot();
    const int whole = half ? mine - 1 : mine;
    for (int tile = 1; tile < whole; ++tile) next_tile<kTile>(item, tile, mine);
    if constexpr (!Shared::kIsWide) {
      if (half && mine > 1) next_tile<kTile / 2>(item, mine - 1, mine);
    }
    release(&barriers.queries_empty[query_place.index]);
    if (mine < all) skip();  // the keys that come before the last values
    if (half) {
      last_values<kTile / 2>(mine > 1);
    } else {
      last_values<kTile>(mine > 1);
    }
    for (int slot = 2 * mine + 1; slot < 2 * all; ++slot) skip();
  }

  // The same for all keys or a window of them, in tiles from `start` to `mine`. In the first tile of a window
  // a row may see no key: then -1e30 stays the largest.
  __device__ void attend_window(const AttentionItem& item) {
    const int start = Shared::first_tile(a, item);
    const int all = Shared::end_tile(end_key(a, item, item.num_tokens - 1));
    const int last_key = end_key(a, item, last_token) - 1;
    const int mine = first_token < item.num_tokens ? last_key / kTile + 1 : 0;
    const bool half = !Shared::kIsWide && last_key % kTile < kTile / 2;
    largest[0] = largest[1] = -1e30f;
    sum[0] = sum[1] = 0;
    barrier_wait(&barriers.queries_full[query_place.index], query_place.parity);
    if (mine == 0) {
      release(&barriers.queries_empty[query_place.index]);
      for (int slot = 2 * start; slot < 2 * all; ++slot) skip();
      return;
    }
    first_tile(item, start);
    if (mine > start + 1) await_slot();
    const int whole = half ? mine - 1 : mine;
    for (int tile = start + 1; tile < whole; ++tile) next_tile<kTile>(item, tile, mine, start);
    if constexpr (!Shared::kIsWide) {
      if (half && mine > start + 1) next_tile<kTile / 2>(item, mine - 1, mine, start);
    }
    release(&barriers.queries_empty[query_place.index]);
    if (mine < all) skip();  // the keys that come before the last values
    if (half) {
      last_values<kTile / 2>(mine > start + 1);
    } else {
      last_values<kTile>(mine > start + 1);
    }
    for (int slot = 2 * mine + 1; slot < 2 * all; ++slot) skip();
  }

  __device__ void store(const AttentionItem& item, int kv_head) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      float total = sum[i];
      total += __shfl_xor_sync(0xffffffffu, total, 1);
      total += __shfl_xor_sync(0xffffffffu, total, 2);
      const float inverse = __fdividef(1.0f, total);
      const int dim = a.shape.query_dim() / a.shape.num_kv_heads;  // of the results of an item
      const std::int64_t to = static_cast<std::int64_t>(item.first_row + tokens[i]) * a.shape.query_dim() +
                              kv_head * dim + columns[i];
      const bool inside = tokens[i] < item.num_tokens;
      if constexpr (IsE4m3) {
        store_e4m3(i, inverse, inside, a.out.e4m3 + to);
      } else {
        store_bfloat16(i, inverse, inside, a.out.values + to);
      }
    }
  }
  __device__ void store_bfloat16(int i, float inverse, bool inside, DeviceBFloat16* to) {
#pragma unroll
    for (int quad = 0; quad < HeadDim / 32; ++quad) {
      std::uint32_t packed[4];
#pragma unroll
      for (int block = 0; block < 4; ++block) {
        const int at = (quad * 4 + block) * 4 + i * 2;
        packed[block] = pack_halves(out[at] * inverse, out[at + 1] * inverse);
      }
      const uint4 whole = transpose(packed);
      if (inside) *reinterpret_cast<uint4*>(to + quad * 32) = whole;
    }
  }
  // Two quads at a time: the same number of bytes changes lanes.
  __device__ void store_e4m3(int i, float inverse, bool inside, std::uint8_t* to) {
    constexpr int kQuads = HeadDim / 32;
#pragma unroll
    for (int quad = 0; quad < kQuads; quad += 2) {
      std::uint32_t packed[4];
#pragma unroll
      for (int block = 0; block < 4; ++block) {
        const auto pair = [&](int of) {
          const int at = (of * 4 + block) * 4 + i * 2;
          return pack_e4m3(out[at] * inverse, out[at + 1] * inverse);
        };
        packed[block] = pair(quad) | (quad + 1 < kQuads ? pair(quad + 1) << 16 : 0);
      }
      const uint4 whole = transpose(packed);
      const auto half = [&](unsigned halves) {
        return uint2{__byte_perm(whole.x, whole.y, halves), __byte_perm(whole.z, whole.w, halves)};
      };
      if (!inside) continue;
      *reinterpret_cast<uint2*>(to + quad * 32) = half(0x5410);
      if (quad + 1 < kQuads) *reinterpret_cast<uint2*>(to + (quad + 1) * 32) = half(0x7632);
    }
  }

  __device__ void run() {
    for_each_item<IsCausal>(a, [&](const AttentionItem& item, int kv_head) {
      if constexpr (IsCausal) {
        attend_causal(item);
      } else {
        attend_window(item);
      }
      store(item, kv_head);
      query_place.advance();
    });
  }
};

}  // namespace rerank::cuda
