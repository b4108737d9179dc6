// Attention on Hopper's matrix units. A block walks items: one warpgroup copies tiles of keys and values into
// a ring, two others hold 64 query rows each and consume them, the softmax of a tile beside the products of
// the next (FlashAttention-3, Shah et al. 2024, section 3). The products are wgmma of bfloat16 with float32
// sums.
#include <cuda_bf16.h>

#include <type_traits>

#include "backend/cuda/attention.h"
#include "backend/cuda/device.h"
#include "backend/cuda/hopper.cuh"
#include "backend/cuda/vectors.cuh"
#include "rerank/error.h"

namespace rerank::cuda {
namespace {

constexpr int kTile = 64;  // keys
constexpr int kWarpgroup = 128;
constexpr int kConsumers = 2;
constexpr int kThreads = kWarpgroup * (1 + kConsumers);
constexpr int kConsumerRows = 64;
constexpr float kLog2E = 1.4426950408889634f;

template <int kHeadDim>
struct Ring {
  static constexpr int kStages = 5;
  // Rows of a tile are padded to 128 bytes.
  static constexpr int kBlocks = kHeadDim > 64 ? kHeadDim / 64 : 1;  // of 64 columns
  static constexpr int kBlockBytes = kTile * 128;
  static constexpr int kTileBytes = kBlocks * kBlockBytes;
  static constexpr int kStageBytes = 2 * kTileBytes;  // keys, values
  static constexpr int kBytes = kStages * kStageBytes + 1024;

  int stage = 0;
  unsigned parity = 0;

  __device__ void advance() {
    if (++stage == kStages) {
      stage = 0;
      parity ^= 1;
    }
  }
};

struct Barriers {
  std::uint64_t full[5];
  std::uint64_t empty[5];
};

__device__ inline int num_tiles(const AttentionItem& item) {
  return (item.position + item.num_tokens + kTile - 1) / kTile;
}

// Where the key of a position stands; the value is kv_dim further.
__device__ inline const bfloat16* key_at(const AttentionArguments& a, const AttentionItem& item, int position,
                                         int column) {
  int r = item.num_runs - 1;
  KeyRun run = a.runs[item.first_run + r];
  while (run.begin > position) run = a.runs[item.first_run + --r];
  const std::int64_t index = run.source + (position - run.begin);
  const int kv_dim = a.num_kv_heads * a.head_dim;
  return run.kept != 0 ? a.store + index * 2 * kv_dim + column
                       : a.qkv + index * a.qkv_stride + a.num_heads * a.head_dim + column;
}

template <int kHeadDim>
__device__ void produce(const AttentionArguments& a, std::uint32_t ring_address, Barriers& barriers) {
  constexpr int kChunks = kHeadDim / 8;      // 16 bytes each
  constexpr int kRowsOfWarp = 32 / kChunks;  // that one access of a warp covers
  constexpr int kSteps = kTile / (4 * kRowsOfWarp);
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int chunk = lane % kChunks;
  // The lane looks up one of the rows that its warp copies and passes it on.
  const int looked_up = (lane % 16) / kRowsOfWarp * 4 * kRowsOfWarp + warp * kRowsOfWarp + lane % kRowsOfWarp;
  const int value_offset = a.num_kv_heads * kHeadDim;
  Ring<kHeadDim> ring;
  std::uint64_t* filling = nullptr;  // the stage copied into last, not yet announced
  for (int work = blockIdx.x; work < a.num_items * a.num_kv_heads; work += gridDim.x) {
    const AttentionItem item = a.items[work / a.num_kv_heads];
    const int column = work % a.num_kv_heads * kHeadDim;
    const int num_keys = item.position + item.num_tokens;
    for (int tile = 0; tile < num_tiles(item); ++tile, ring.advance()) {
      const int position = tile * kTile + looked_up;
      const auto mine = reinterpret_cast<std::uint64_t>(
          key_at(a, item, position < num_keys ? position : num_keys - 1, column));
      barrier_wait(&barriers.empty[ring.stage], ring.parity ^ 1);
      const std::uint32_t keys = ring_address + ring.stage * Ring<kHeadDim>::kStageBytes;
#pragma unroll
      for (int step = 0; step < kSteps; ++step) {
        const int row = step * 4 * kRowsOfWarp + warp * kRowsOfWarp + lane / kChunks;
        const auto* from = reinterpret_cast<const bfloat16*>(
                               __shfl_sync(0xffffffffu, mine, step * kRowsOfWarp + lane / kChunks)) +
                           chunk * 8;
        const bool inside = tile * kTile + row < num_keys;
        const std::uint32_t to =
            keys + chunk / 8 * Ring<kHeadDim>::kBlockBytes + row * 128 + ((chunk % 8) ^ (row % 8)) * 16;
        copy16_async(to, from, inside);
        copy16_async(to + Ring<kHeadDim>::kTileBytes, from + value_offset, inside);
      }
      copies_commit();
      if (filling != nullptr) {
        copies_wait<1>();
        barrier_arrive(filling);
      }
      filling = &barriers.full[ring.stage];
    }
  }
  if (filling != nullptr) {
    copies_wait<0>();
    barrier_arrive(filling);
  }
}

// The two rows of a thread (of its warp's 16: lane / 4 and 8 more) in a tile of packed (token, head) rows.
struct QueryRows {
  int token[2];
  int head[2];                  // within the group
  int first_token, last_token;  // of the whole warpgroup
};

template <int kHeadDim>
struct Consumer {
  static constexpr int kSteps = kHeadDim / 16;  // of the products over head_dim
  static constexpr int kColumns = kHeadDim < 64 ? 64 : kHeadDim;

  const AttentionArguments& a;
  std::uint32_t ring_address;
  Barriers& barriers;
  Ring<kHeadDim> ring;
  QueryRows rows;
  std::uint32_t query[kSteps][4];
  float scores[32];
  std::uint32_t weights[4][4];  // softmax numerators of a tile, as the next product's A
  float out[kColumns / 2];
  float largest[2], sum[2];

  __device__ Consumer(const AttentionArguments& arguments, std::uint32_t address, Barriers& b)
      : a(arguments), ring_address(address), barriers(b) {
    const int group = a.num_heads / a.num_kv_heads, tokens = 128 / group;
    const int first = (threadIdx.x / kWarpgroup - 1) * kConsumerRows;
    const int warp = threadIdx.x % kWarpgroup / 32, lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int row = first + warp * 16 + lane / 4 + 8 * i;
      rows.token[i] = row / group;
      rows.head[i] = row % group;
    }
    rows.first_token = first / group;
    rows.last_token = min((first + kConsumerRows - 1) / group, tokens - 1);
  }

  __device__ int row_token(const AttentionItem& item, int i) const {
    return min(rows.token[i], item.num_tokens - 1);
  }

  // The queries as projected, in the layout of wgmma's A.
  __device__ void load(const AttentionItem& item, int kv_head, std::uint32_t (&raw)[kSteps][4]) const {
    const int group = a.num_heads / a.num_kv_heads, lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const bfloat16* from = a.qkv +
                             static_cast<std::int64_t>(item.first_row + row_token(item, i)) * a.qkv_stride +
                             (kv_head * group + rows.head[i]) * kHeadDim + lane % 4 * 2;
#pragma unroll
      for (int s = 0; s < kSteps; ++s) {
        raw[s][i] = *reinterpret_cast<const std::uint32_t*>(from + 16 * s);
        raw[s][i + 2] = *reinterpret_cast<const std::uint32_t*>(from + 16 * s + 8);
      }
    }
  }

  // RMSNorm, rotary embedding, and the softmax's scale for powers of two.
  __device__ void turn(const AttentionItem& item, const std::uint32_t (&raw)[kSteps][4]) {
    constexpr int kHalf = kHeadDim / 2;
    const float scale = kLog2E * rsqrtf(static_cast<float>(kHeadDim));
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      float squares = 0;
#pragma unroll
      for (int s = 0; s < kSteps; ++s) {
#pragma unroll
        for (int part = i; part < 4; part += 2) {
          const float x = low_half(raw[s][part]), y = high_half(raw[s][part]);
          squares += x * x + y * y;
        }
      }
      squares += __shfl_xor_sync(0xffffffffu, squares, 1);
      squares += __shfl_xor_sync(0xffffffffu, squares, 2);
      const float factor = rsqrtf(squares / kHeadDim + a.eps);
      const float2* rotation =
          a.rotation + static_cast<std::int64_t>(item.position + row_token(item, i)) * kHalf;
#pragma unroll
      for (int s = 0; s < kSteps / 2; ++s) {
#pragma unroll
        for (int part = i; part < 4; part += 2) {
          const int column = 16 * s + part / 2 * 8 + lane % 4 * 2;
          const float4 turns = *reinterpret_cast<const float4*>(rotation + column);
          const float2 low = *reinterpret_cast<const float2*>(a.query_norm + column);
          const float2 high = *reinterpret_cast<const float2*>(a.query_norm + kHalf + column);
          const float x0 = low_half(raw[s][part]) * factor * low.x;
          const float x1 = high_half(raw[s][part]) * factor * low.y;
          const float y0 = low_half(raw[s + kSteps / 2][part]) * factor * high.x;
          const float y1 = high_half(raw[s + kSteps / 2][part]) * factor * high.y;
          query[s][part] =
              pack_halves((x0 * turns.x - y0 * turns.y) * scale, (x1 * turns.z - y1 * turns.w) * scale);
          query[s + kSteps / 2][part] =
              pack_halves((y0 * turns.x + x0 * turns.y) * scale, (y1 * turns.z + x1 * turns.w) * scale);
        }
      }
    }
  }

  __device__ std::uint32_t keys(int stage) const {
    return ring_address + stage * Ring<kHeadDim>::kStageBytes;
  }

  // scores = query * keys^T, not waited for.
  __device__ void multiply_keys(int stage) {
#pragma unroll
    for (int s = 0; s < kSteps; ++s) {
      const std::uint32_t at = keys(stage) + s / 4 * Ring<kHeadDim>::kBlockBytes + s % 4 * 32;
      product_64x64(scores, query[s], matrix_descriptor(at, 16), s > 0);
    }
    products_commit();
  }

  // out += weights * values, not waited for.
  __device__ void multiply_values(int stage, int accumulate) {
    const std::uint32_t values = keys(stage) + Ring<kHeadDim>::kTileBytes;
#pragma unroll
    for (int s = 0; s < kTile / 16; ++s) {
      product_transposed(out, weights[s],
                         matrix_descriptor(values + s * 16 * 128, Ring<kHeadDim>::kBlockBytes),
                         accumulate || s > 0);
    }
    products_commit();
  }

  __device__ void release(int stage) {
    __syncwarp();
    if (threadIdx.x % 32 == 0) barrier_arrive(&barriers.empty[stage]);
  }

  // Hides keys beyond each row's own position.
  __device__ void mask(const AttentionItem& item, int tile) {
    if (tile * kTile + kTile - 1 <= item.position + rows.first_token) return;
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int last = item.position + row_token(item, i) - tile * kTile;
#pragma unroll
      for (int block = 0; block < 8; ++block) {
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          if (block * 8 + lane % 4 * 2 + e > last) scores[block * 4 + i * 2 + e] = -INFINITY;
        }
      }
    }
  }

  // Turns the scores into numerators relative to the largest score so far; gives by what factor sums of the
  // tiles before shrink.
  __device__ void softmax(float (&shrink)[2]) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      float top = largest[i];
#pragma unroll
      for (int block = 0; block < 8; ++block) {
        top = fmaxf(top, fmaxf(scores[block * 4 + i * 2], scores[block * 4 + i * 2 + 1]));
      }
      top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 1));
      top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 2));
      shrink[i] = exp2f(largest[i] - top);
      largest[i] = top;
      float total = 0;
#pragma unroll
      for (int block = 0; block < 8; ++block) {
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          float& score = scores[block * 4 + i * 2 + e];
          score = exp2f(score - top);
          total += score;
        }
      }
      sum[i] = sum[i] * shrink[i] + total;
    }
  }

  __device__ void pack_weights() {
#pragma unroll
    for (int s = 0; s < 4; ++s) {
#pragma unroll
      for (int part = 0; part < 4; ++part) {
        const int at = (2 * s + part / 2) * 4 + part % 2 * 2;
        weights[s][part] = pack_halves(scores[at], scores[at + 1]);
      }
    }
  }

  // All tiles of an item whose queries are turned. Tiles beyond this warpgroup's last row change nothing.
  __device__ void attend(const AttentionItem& item) {
    const int all = num_tiles(item);
    const int last_position = item.position + min(rows.last_token, item.num_tokens - 1);
    const int mine = rows.first_token < item.num_tokens ? last_position / kTile + 1 : 0;
    largest[0] = largest[1] = -INFINITY;
    sum[0] = sum[1] = 0;
    if (mine > 0) {
      float shrink[2];
      barrier_wait(&barriers.full[ring.stage], ring.parity);
      products_begin();
      multiply_keys(ring.stage);
      products_wait<0>();
      mask(item, 0);
      softmax(shrink);
      pack_weights();
      int before = ring.stage;
      ring.advance();
      for (int tile = 1; tile < mine; ++tile) {
        barrier_wait(&barriers.full[ring.stage], ring.parity);
        products_begin();
        multiply_keys(ring.stage);
        multiply_values(before, tile > 1);
        products_wait<1>();
        mask(item, tile);
        softmax(shrink);
        products_wait<0>();
        release(before);
        pack_weights();
#pragma unroll
        for (int c = 0; c < kColumns / 2; ++c) out[c] *= shrink[c / 2 % 2];
        before = ring.stage;
        ring.advance();
      }
      products_begin();
      multiply_values(before, mine > 1);
      products_wait<0>();
      release(before);
    }
    for (int tile = mine; tile < all; ++tile, ring.advance()) {
      barrier_wait(&barriers.full[ring.stage], ring.parity);
      release(ring.stage);
    }
  }

  __device__ void store(const AttentionItem& item, int kv_head) {
    const int group = a.num_heads / a.num_kv_heads, lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      float total = sum[i];
      total += __shfl_xor_sync(0xffffffffu, total, 1);
      total += __shfl_xor_sync(0xffffffffu, total, 2);
      if (rows.token[i] >= item.num_tokens) continue;
      const float inverse = 1.0f / total;
      bfloat16* to = a.out +
                     static_cast<std::int64_t>(item.first_row + rows.token[i]) * a.num_heads * kHeadDim +
                     (kv_head * group + rows.head[i]) * kHeadDim + lane % 4 * 2;
#pragma unroll
      for (int block = 0; block < kHeadDim / 8; ++block) {
        *reinterpret_cast<std::uint32_t*>(to + block * 8) =
            pack_halves(out[block * 4 + i * 2] * inverse, out[block * 4 + i * 2 + 1] * inverse);
      }
    }
  }

  __device__ void run() {
    const int num_work = a.num_items * a.num_kv_heads;
    int work = blockIdx.x;
    if (work >= num_work) return;
    AttentionItem item = a.items[work / a.num_kv_heads];
    std::uint32_t raw[kSteps][4];
    load(item, work % a.num_kv_heads, raw);
    while (work < num_work) {
      turn(item, raw);
      const int next = work + gridDim.x;
      AttentionItem next_item = item;
      if (next < num_work) {
        next_item = a.items[next / a.num_kv_heads];
        load(next_item, next % a.num_kv_heads, raw);  // arrives while this item is computed
      }
      attend(item);
      store(item, work % a.num_kv_heads);
      item = next_item;
      work = next;
    }
  }
};

template <int kHeadDim>
__global__ void __launch_bounds__(kThreads, 1)
    attention_kernel(const __grid_constant__ AttentionArguments a) {
  extern __shared__ unsigned char shared[];
  __shared__ Barriers barriers;
  const std::uint32_t ring_address = (shared_address(shared) + 1023) / 1024 * 1024;
  if (threadIdx.x == 0) {
    for (int stage = 0; stage < Ring<kHeadDim>::kStages; ++stage) {
      barrier_init(&barriers.full[stage], kWarpgroup);
      barrier_init(&barriers.empty[stage], kConsumers * kWarpgroup / 32);
    }
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  __syncthreads();
  if (threadIdx.x < kWarpgroup) {
    registers_give<40>();
    produce<kHeadDim>(a, ring_address, barriers);
  } else {
    registers_take<232>();
    Consumer<kHeadDim>(a, ring_address, barriers).run();
  }
}

template <typename Use>
void with_head_dim(std::int32_t head_dim, const Use& use) {
  if (head_dim == 128) return use(std::integral_constant<int, 128>());
  if (head_dim == 64) return use(std::integral_constant<int, 64>());
  check(head_dim == 32, "attention knows head_dim 32, 64 and 128");
  use(std::integral_constant<int, 32>());
}

}  // namespace

void prepare_attention(std::int32_t head_dim) {
  with_head_dim(head_dim, [](auto dim) {
    RERANK_CUDA_CHECK(cudaFuncSetAttribute(
        attention_kernel<dim.value>, cudaFuncAttributeMaxDynamicSharedMemorySize, Ring<dim.value>::kBytes));
  });
}

void launch_attention(const AttentionArguments& a, cudaStream_t stream) {
  const std::int32_t work = a.num_items * a.num_kv_heads;
  if (work == 0) return;
  const auto grid = static_cast<unsigned>(work < a.num_processors ? work : a.num_processors);
  with_head_dim(a.head_dim, [&](auto dim) {
    attention_kernel<dim.value><<<grid, kThreads, Ring<dim.value>::kBytes, stream>>>(a);
  });
  RERANK_CUDA_CHECK(cudaGetLastError());
}

}  // namespace rerank::cuda
