// Attention on Hopper's matrix units. A block walks items: one warp has boxes of queries, keys and values
// copied into shared memory, three warps normalise and turn the queries, two warpgroups hold 64 query rows
// each and multiply, the softmax of a tile beside the product of the tile before (FlashAttention-3, Shah et
// al. 2024, section 3).
#include <type_traits>

#include "backend/cuda/attention.h"
#include "backend/cuda/device.h"
#include "backend/cuda/hopper.cuh"
#include "backend/cuda/vectors.cuh"
#include "rerank/error.h"

namespace rerank::cuda {
namespace {

constexpr int kTile = 128;  // keys
constexpr int kRows = 128;  // of an item: (token, query head of one key head)
constexpr int kWarpgroup = 128;
constexpr int kConsumers = 2;
constexpr int kConsumerRows = kRows / kConsumers;
constexpr int kThreads = kWarpgroup * (1 + kConsumers);
constexpr int kSlots = 5;         // each holds the keys or the values of a tile
constexpr int kQueryBuffers = 2;  // one in use, one being filled
constexpr float kLog2E = 1.4426950408889634f;

// What stands where in shared memory: slots of keys or values [kTile, head_dim], then buffers of queries
// [kRows, head_dim]; rows of 128 bytes, of which a longer row takes one in each of its blocks.
template <int kHeadDim>
struct Layout {
  static constexpr int kBlocks = kHeadDim > 64 ? kHeadDim / 64 : 1;  // of 64 columns
  static constexpr int kBlockBytes = kTile * 128;
  static constexpr int kSlotBytes = kBlocks * kBlockBytes;
  static constexpr int kBytes = (kSlots + kQueryBuffers) * kSlotBytes + 1024;
  static_assert(kRows == kTile);

  __device__ static std::uint32_t slot(std::uint32_t base, int index) { return base + index * kSlotBytes; }
  __device__ static std::uint32_t queries(std::uint32_t base, int buffer) {
    return slot(base, kSlots + buffer);
  }
};

struct Barriers {
  std::uint64_t full[kSlots];
  std::uint64_t empty[kSlots];
  std::uint64_t queries_full[kQueryBuffers];
  std::uint64_t queries_empty[kQueryBuffers];

  __device__ void init() {
    for (int slot = 0; slot < kSlots; ++slot) {
      barrier_init(&full[slot], 1);
      barrier_init(&empty[slot], kConsumers * kWarpgroup / 32);
    }
    for (int buffer = 0; buffer < kQueryBuffers; ++buffer) {
      barrier_init(&queries_full[buffer], 1);
      barrier_init(&queries_empty[buffer], kConsumers * kWarpgroup / 32);
    }
    barriers_publish();
  }
};

// A place in a ring of barriers.
template <int kSize>
struct Place {
  int index = 0;
  unsigned parity = 0;

  __device__ void advance() {
    if (++index == kSize) {
      index = 0;
      parity ^= 1;
    }
  }
};

__device__ inline int num_work(const AttentionArguments& a) {
  return a.num_items * a.shape.num_kv_heads;
}

// Calls use(item, key head) for each piece of the block's work: there and back over the blocks, since the
// pieces are sorted by their size.
template <typename Use>
__device__ inline void for_each_item(const AttentionArguments& a, const Use& use) {
  const int blocks = gridDim.x, block = blockIdx.x;
  for (int n = 0; n * blocks < num_work(a); ++n) {
    const int work = n * blocks + (n % 2 == 0 ? block : blocks - 1 - block);
    if (work < num_work(a)) use(a.items[work / a.shape.num_kv_heads], work % a.shape.num_kv_heads);
  }
}

__device__ inline int num_tiles(const AttentionItem& item) {
  return (item.position + item.num_tokens + kTile - 1) / kTile;
}

// One warp: an item's queries, then its tiles in the order of their use: keys 0, keys 1, values
// 0, keys 2, values 1, ...
template <int kHeadDim>
struct Copier {
  using Shared = Layout<kHeadDim>;

  const AttentionArguments& a;
  std::uint32_t base;
  Barriers& barriers;
  Place<kSlots> place;
  Place<kQueryBuffers> query_place;

  // Keys (0) or values (1) of a tile. Runs are copied as boxes of powers of two, each by a lane of its own.
  __device__ void copy_tile(const AttentionItem& item, int kv_head, int tile, int which) {
    const int lane = threadIdx.x % 32, box = lane / Shared::kBlocks, block = lane % Shared::kBlocks;
    const int position = tile * kTile;
    const int num_rows = min(kTile, (item.position + item.num_tokens - position + 63) / 64 * 64);
    std::uint64_t* barrier = &barriers.full[place.index];
    barrier_wait(&barriers.empty[place.index], place.parity ^ 1);
    if (lane == 0) barrier_arrive_and_expect(barrier, num_rows * Shared::kBlocks * 128);
    __syncwarp();
    const std::uint32_t to = Shared::slot(base, place.index) + block * Shared::kBlockBytes;
    const int column = kv_head * kHeadDim + which * a.shape.kv_dim() + block * 64;
    int done = 0;
    for (int r = 0; done < num_rows; ++r) {
      const KeyRun run = a.runs[item.first_run + r];
      // Behind the last run's end stand other rows of the batch: finite numbers that no row of the item looks
      // at.
      const int end =
          r + 1 == item.num_runs ? num_rows : min(num_rows, a.runs[item.first_run + r + 1].begin - position);
      if (end <= done) continue;
      const int count = end - done;
      if (box < AttentionViews::kBoxes && (count >> box & 1) != 0) {
        const int first = done + (count >> (box + 1) << (box + 1));  // larger boxes come before
        const int source = run.source + position + first - run.begin;
        const CUtensorMap* view = run.kept != 0 ? &a.views.slots[box] : &a.views.rows[box];
        copy_box(to + first * 128, view, run.kept != 0 ? column : a.shape.query_dim() + column,
                 run.kept != 0 ? a.first_slot + source : source, barrier);
      }
      __syncwarp();
      done = end;
    }
    place.advance();
  }

  __device__ void copy_queries(const AttentionItem& item, int kv_head) {
    const int group = a.shape.num_heads / a.shape.num_kv_heads;
    barrier_wait(&barriers.queries_empty[query_place.index], query_place.parity ^ 1);
    if (threadIdx.x % 32 == 0) {
      std::uint64_t* barrier = &barriers.queries_full[query_place.index];
      barrier_arrive_and_expect(barrier, kRows / group * group * Shared::kBlocks * 128);
      for (int block = 0; block < Shared::kBlocks; ++block) {
        copy_box(Shared::queries(base, query_place.index) + block * Shared::kBlockBytes, &a.views.queries,
                 block * 64, kv_head * group, item.first_row, barrier);
      }
    }
    __syncwarp();
    query_place.advance();
  }

  __device__ void run() {
    for_each_item(a, [&](const AttentionItem& item, int kv_head) {
      copy_queries(item, kv_head);
      const int num_slots = 2 * num_tiles(item);
      for (int slot = 0; slot < num_slots; ++slot) {
        const bool values = slot + 1 == num_slots || (slot > 0 && slot % 2 == 0);
        copy_tile(item, kv_head, values ? (slot - 1) / 2 : (slot + 1) / 2, values);
      }
    });
  }
};

template <int kHeadDim>
struct Consumer {
  using Shared = Layout<kHeadDim>;
  static constexpr int kColumns = kHeadDim < 64 ? 64 : kHeadDim;
  // log2(e) / sqrt(head_dim): scores become powers of two.
  static constexpr float kScale = kHeadDim == 128  ? kLog2E * 0.08838834764831845f
                                  : kHeadDim == 64 ? kLog2E * 0.125f
                                                   : kLog2E * 0.17677669529663687f;

  const AttentionArguments& a;
  std::uint32_t base;
  Barriers& barriers;
  Place<kSlots> place;
  Place<kQueryBuffers> query_place;
  int first_token, last_token;  // of the warpgroup's rows
  float scores[kTile / 2];
  std::uint32_t weights[kTile / 16][4];  // softmax numerators of a tile, as the next product's A
  float out[kColumns / 2];
  float largest[2], sum[2];

  __device__ Consumer(const AttentionArguments& arguments, std::uint32_t address, Barriers& b)
      : a(arguments), base(address), barriers(b) {
    first_token = first_row() / group();
    last_token = min((first_row() + kConsumerRows - 1) / group(), kRows / group() - 1);
  }

  __device__ int group() const { return a.shape.num_heads / a.shape.num_kv_heads; }
  __device__ static int first_row() {
    return (static_cast<int>(threadIdx.x) / kWarpgroup - 1) * kConsumerRows;
  }
  // The two rows of a thread: lane / 4 of its warp's 16, and 8 more.
  __device__ static int row(int i) {
    return first_row() + threadIdx.x % kWarpgroup / 32 * 16 + threadIdx.x % 32 / 4 + 8 * i;
  }

  // scores = queries * keys^T, not waited for.
  template <int kKeys>
  __device__ void multiply_keys(int slot) {
    const std::uint32_t queries = Shared::queries(base, query_place.index) + first_row() * 128;
    const std::uint32_t keys = Shared::slot(base, slot);
#pragma unroll
    for (int s = 0; s < kHeadDim / 16; ++s) {
      const int at = s / 4 * Shared::kBlockBytes + s % 4 * 32;
      const std::uint64_t x = matrix_descriptor(queries + at, 16), y = matrix_descriptor(keys + at, 16);
      if constexpr (kKeys == 128) {
        multiply_rows128(scores, x, y, s > 0);
      } else {
        multiply_rows64(scores, x, y, s > 0);
      }
    }
    products_commit();
  }

  // out += weights * values, not waited for.
  template <int kKeys>
  __device__ void multiply_values(int slot, int accumulate) {
    const std::uint32_t values = Shared::slot(base, slot);
#pragma unroll
    for (int s = 0; s < kKeys / 16; ++s) {
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

  // Hides keys beyond each row's own position.
  template <int kKeys>
  __device__ void mask(const AttentionItem& item, int tile) {
    if (tile * kTile + kKeys - 1 <= item.position + first_token) return;
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int last = item.position + min(row(i) / group(), item.num_tokens - 1) - tile * kTile;
#pragma unroll
      for (int block = 0; block < kKeys / 8; ++block) {
#pragma unroll
        for (int e = 0; e < 2; ++e) {
          if (block * 8 + lane % 4 * 2 + e > last) scores[block * 4 + i * 2 + e] = -INFINITY;
        }
      }
    }
  }

  // Turns the scores into numerators relative to the largest score so far; gives by what factor sums of the
  // tiles before shrink. With half the keys of a tile it gives the bits that masking the other half would.
  template <int kKeys>
  __device__ void softmax(float (&shrink)[2]) {
    float top[2] = {largest[0], largest[1]};
#pragma unroll
    for (int c = 0; c < kKeys / 2; ++c) top[c / 2 % 2] = fmaxf(top[c / 2 % 2], scores[c]);
#pragma unroll
    for (int offset = 1; offset < 4; offset *= 2) {
#pragma unroll
      for (int i = 0; i < 2; ++i) top[i] = fmaxf(top[i], __shfl_xor_sync(0xffffffffu, top[i], offset));
    }
#pragma unroll
    for (int c = 0; c < kKeys / 2; ++c)
      scores[c] = power_of_two(fmaf(scores[c], kScale, -kScale * top[c / 2 % 2]));
      // Several sums at a time, so that none waits for each power in turn.
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      shrink[i] = power_of_two(kScale * (largest[i] - top[i]));
      largest[i] = top[i];
      float parts[4] = {};
#pragma unroll
      for (int block = 0; block < kKeys / 8; ++block) {
#pragma unroll
        for (int e = 0; e < 2; ++e) parts[block % 2 * 2 + e] += scores[block * 4 + i * 2 + e];
      }
      sum[i] = sum[i] * shrink[i] + ((parts[0] + parts[1]) + (parts[2] + parts[3]));
    }
  }

  template <int kKeys>
  __device__ void pack_scores() {
#pragma unroll
    for (int s = 0; s < kKeys / 16; ++s) {
#pragma unroll
      for (int part = 0; part < 4; ++part) {
        const int at = (2 * s + part / 2) * 4 + part % 2 * 2;
        weights[s][part] = pack_halves(scores[at], scores[at + 1]);
      }
    }
  }

  // Passes over a slot that this warpgroup has no use for.
  __device__ void skip() {
    await_slot();
    release(&barriers.empty[place.index]);
    place.advance();
  }

  // Tile 0, of which there is no product before.
  __device__ void first_tile(const AttentionItem& item) {
    float shrink[2];
    await_slot();
    products_begin();
    multiply_keys<kTile>(place.index);
    products_wait<0>();
    release(&barriers.empty[place.index]);
    place.advance();
    mask<kTile>(item, 0);
    softmax<kTile>(shrink);
    pack_scores<kTile>();
  }

  // A later tile's scores beside the product of the tile before, which is a whole one. REQUIRES: its keys are
  // there.
  template <int kKeys>
  __device__ void next_tile(const AttentionItem& item, int tile, int mine) {
    float shrink[2];
    const int keys = place.index;
    place.advance();
    await_slot();
    const int values = place.index;
    place.advance();
    products_begin();
    multiply_keys<kKeys>(keys);
    multiply_values<kTile>(values, tile > 1);
    products_wait<1>();
    release(&barriers.empty[keys]);
    mask<kKeys>(item, tile);
    softmax<kKeys>(shrink);
    // Here, because the branch also keeps the compiler from waiting for the values before the softmax.
    if (tile + 1 < mine) await_slot();
    products_wait<0>();
    release(&barriers.empty[values]);
    pack_scores<kKeys>();
#pragma unroll
    for (int c = 0; c < kColumns / 2; ++c) out[c] *= shrink[c / 2 % 2];
  }

  // The last tile's product.
  template <int kKeys>
  __device__ void last_values(int accumulate) {
    await_slot();
    products_begin();
    multiply_values<kKeys>(place.index, accumulate);
    products_wait<0>();
    release(&barriers.empty[place.index]);
    place.advance();
  }

  // All tiles of an item. Those beyond this warpgroup's last row would change nothing.
  __device__ void attend(const AttentionItem& item) {
    const int all = num_tiles(item);
    const int last_position = item.position + min(last_token, item.num_tokens - 1);
    const int mine = first_token < item.num_tokens ? last_position / kTile + 1 : 0;
    const bool half = last_position % kTile < kTile / 2;  // of my last tile
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
    if (half && mine > 1) next_tile<kTile / 2>(item, mine - 1, mine);
    release(&barriers.queries_empty[query_place.index]);
    if (mine < all) skip();  // the keys that come before the last values
    if (half) {
      last_values<kTile / 2>(mine > 1);
    } else {
      last_values<kTile>(mine > 1);
    }
    for (int slot = 2 * mine + 1; slot < 2 * all; ++slot) skip();
  }

  // Four numbers of four lanes, exchanged so that each lane holds one of the four from all lanes.
  __device__ static uint4 transpose(const std::uint32_t (&x)[4]) {
    const int lane = threadIdx.x % 4;
    const bool odd = lane % 2 != 0, upper = lane >= 2;
    const std::uint32_t p = __shfl_xor_sync(0xffffffffu, odd ? x[0] : x[1], 1);
    const std::uint32_t q = __shfl_xor_sync(0xffffffffu, odd ? x[2] : x[3], 1);
    const uint2 first = odd ? uint2{p, x[1]} : uint2{x[0], p};
    const uint2 second = odd ? uint2{q, x[3]} : uint2{x[2], q};
    const std::uint32_t r = __shfl_xor_sync(0xffffffffu, upper ? first.x : second.x, 2);
    const std::uint32_t s = __shfl_xor_sync(0xffffffffu, upper ? first.y : second.y, 2);
    return upper ? uint4{r, s, second.x, second.y} : uint4{first.x, first.y, r, s};
  }

  __device__ void store(const AttentionItem& item, int kv_head) {
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      float total = sum[i];
      total += __shfl_xor_sync(0xffffffffu, total, 1);
      total += __shfl_xor_sync(0xffffffffu, total, 2);
      const float inverse = 1.0f / total;
      const int token = row(i) / group(), head = kv_head * group() + row(i) % group();
      DeviceBFloat16* to = a.out + static_cast<std::int64_t>(item.first_row + token) * a.shape.query_dim() +
                           head * kHeadDim + threadIdx.x % 4 * 8;
#pragma unroll
      for (int quad = 0; quad < kHeadDim / 32; ++quad) {
        std::uint32_t packed[4];
#pragma unroll
        for (int block = 0; block < 4; ++block) {
          const int at = (quad * 4 + block) * 4 + i * 2;
          packed[block] = pack_halves(out[at] * inverse, out[at + 1] * inverse);
        }
        const uint4 whole = transpose(packed);
        if (token < item.num_tokens) *reinterpret_cast<uint4*>(to + quad * 32) = whole;
      }
    }
  }

  __device__ void run() {
    for_each_item(a, [&](const AttentionItem& item, int kv_head) {
      attend(item);
      store(item, kv_head);
      query_place.advance();
    });
  }
};

template <int kHeadDim>
__global__ void __launch_bounds__(kThreads, 1)
    attention_kernel(const __grid_constant__ AttentionArguments a) {
  extern __shared__ unsigned char shared[];
  __shared__ Barriers barriers;
  const std::uint32_t base = (shared_address(shared) + 1023) / 1024 * 1024;
  if (threadIdx.x == 0) barriers.init();
  __syncthreads();
  if (threadIdx.x < kWarpgroup) {
    registers_give<40>();
    if (threadIdx.x < 32) Copier<kHeadDim>{a, base, barriers}.run();
  } else {
    registers_take<232>();
    Consumer<kHeadDim>(a, base, barriers).run();
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
        attention_kernel<dim.value>, cudaFuncAttributeMaxDynamicSharedMemorySize, Layout<dim.value>::kBytes));
  });
}

void launch_attention(const AttentionArguments& a, cudaStream_t stream) {
  const std::int32_t work = a.num_items * a.shape.num_kv_heads;
  if (work == 0) return;
  const auto grid = static_cast<unsigned>(work < a.num_processors ? work : a.num_processors);
  with_head_dim(a.shape.head_dim, [&](auto dim) {
    attention_kernel<dim.value><<<grid, kThreads, Layout<dim.value>::kBytes, stream>>>(a);
  });
  RERANK_CUDA_CHECK(cudaGetLastError());
}

}  // namespace rerank::cuda
