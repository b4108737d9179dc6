// Attention on Hopper's matrix units. A block walks items with four warpgroups: one copies tiles of keys and
// values into a ring, one normalises and turns the next item's queries, two hold 64 query rows each and
// multiply, the softmax of a tile beside the product of the tile before (FlashAttention-3, Shah et al. 2024,
// section 3).
#include <type_traits>

#include "backend/cuda/attention.h"
#include "backend/cuda/device.h"
#include "backend/cuda/hopper.cuh"
#include "backend/cuda/vectors.cuh"
#include "rerank/error.h"

namespace rerank::cuda {
namespace {

constexpr int kTile = 64;   // keys
constexpr int kRows = 128;  // of an item: (token, query head of one key head)
constexpr int kWarpgroup = 128;
constexpr int kConsumers = 2;
constexpr int kConsumerRows = kRows / kConsumers;
constexpr int kThreads = kWarpgroup * (2 + kConsumers);
constexpr int kSlots = 9;         // of the ring; each holds the keys or the values of a tile
constexpr int kQueryBuffers = 2;  // one in use, one being filled
constexpr float kLog2E = 1.4426950408889634f;

// What stands where in shared memory: slots of keys or values [kTile, head_dim], then buffers of queries
// [kRows, head_dim]; rows of 128 bytes, of which a longer row takes one in each of its blocks.
template <int kHeadDim>
struct Layout {
  static constexpr int kBlocks = kHeadDim > 64 ? kHeadDim / 64 : 1;  // of 64 columns
  static constexpr int kTileBlock = kTile * 128;                     // bytes
  static constexpr int kQueryBlock = kRows * 128;
  static constexpr int kBytes = kBlocks * (kSlots * kTileBlock + kQueryBuffers * kQueryBlock) + 1024;

  __device__ static std::uint32_t slot(std::uint32_t base, int index) {
    return base + index * kBlocks * kTileBlock;
  }
  __device__ static std::uint32_t queries(std::uint32_t base, int buffer) {
    return slot(base, kSlots) + buffer * kBlocks * kQueryBlock;
  }
  // Where the 16-byte chunk of a row stands after the begin of a slot or buffer.
  __device__ static std::uint32_t chunk(int row, int chunk, int block_bytes) {
    return chunk / 8 * block_bytes + row * 128 + ((chunk % 8) ^ (row % 8)) * 16;
  }
};

struct Barriers {
  std::uint64_t full[kSlots];
  std::uint64_t empty[kSlots];
  std::uint64_t queries_copied[kQueryBuffers];
  std::uint64_t queries_full[kQueryBuffers];
  std::uint64_t queries_empty[kQueryBuffers];
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

__device__ inline unsigned num_work(const AttentionArguments& a) {
  return static_cast<unsigned>(a.num_items * a.num_kv_heads);
}
// The block's n-th piece of work: there and back over the blocks, since the pieces are sorted by their size.
__device__ inline unsigned work_at(unsigned n) {
  return n * gridDim.x + (n % 2 == 0 ? blockIdx.x : gridDim.x - 1 - blockIdx.x);
}
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

// Copies an item's queries as projected, then its tiles in the order of their use: keys 0, keys 1, values 0,
// keys 2, values 1, ...
template <int kHeadDim>
struct Copier {
  using Shared = Layout<kHeadDim>;
  static constexpr int kChunks = kHeadDim / 8;      // of 16 bytes, of a row
  static constexpr int kRowsAtOnce = 32 / kChunks;  // that one access of a warp covers
  static constexpr int kRowsOfWarp = kTile / 4;     // of a tile; each looked up by one lane

  const AttentionArguments& a;
  std::uint32_t base;
  Barriers& barriers;
  Place<kSlots> place;
  Place<kQueryBuffers> query_place;
  int warp = threadIdx.x % kWarpgroup / 32, lane = threadIdx.x % 32;

  // The row of a tile that this lane looks up.
  __device__ int own_row() const { return warp * kRowsOfWarp + lane % kRowsOfWarp; }

  // Copies this warp's rows of a tile; row r stands at `offset` after `mine` of the lane whose row it is.
  // Rows from `num_rows` on become zeros.
  __device__ void copy(std::uint32_t to, int block_bytes, const bfloat16* mine, int offset,
                       int num_rows) const {
    constexpr int kSteps = kRowsOfWarp / kRowsAtOnce;
    const int chunk = lane % kChunks;
    std::uint64_t from[kSteps];
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      from[step] = __shfl_sync(0xffffffffu, reinterpret_cast<std::uint64_t>(mine + offset),
                               step * kRowsAtOnce + lane / kChunks);
    }
#pragma unroll
    for (int step = 0; step < kSteps; ++step) {
      const int row = warp * kRowsOfWarp + step * kRowsAtOnce + lane / kChunks;
      copy16_async(to + Shared::chunk(row, chunk, block_bytes),
                   reinterpret_cast<const bfloat16*>(from[step]) + chunk * 8, row < num_rows);
    }
  }

  __device__ void copy_tile(const bfloat16* mine, int offset, int num_rows) {
    barrier_wait(&barriers.empty[place.index], place.parity ^ 1);
    copy(Shared::slot(base, place.index), Shared::kTileBlock, mine, offset, num_rows);
    barrier_arrive_after_copies(&barriers.full[place.index]);
    place.advance();
  }

  __device__ void copy_queries(const AttentionItem& item, int kv_head) {
    const int group = a.num_heads / a.num_kv_heads;
    barrier_wait(&barriers.queries_empty[query_place.index], query_place.parity ^ 1);
    for (int first = 0; first < kRows; first += kTile) {
      const int row = first + own_row(), token = min(row / group, item.num_tokens - 1);
      const bfloat16* mine = a.qkv + static_cast<std::int64_t>(item.first_row + token) * a.qkv_stride +
                             (kv_head * group + row % group) * kHeadDim;
      copy(Shared::queries(base, query_place.index) + first * 128, Shared::kQueryBlock, mine, 0, kTile);
    }
    barrier_arrive_after_copies(&barriers.queries_copied[query_place.index]);
    query_place.advance();
  }

  __device__ void run() {
    const int value_offset = a.num_kv_heads * kHeadDim;
    for (unsigned n = 0, work; n * gridDim.x < num_work(a); ++n) {
      if ((work = work_at(n)) >= num_work(a)) continue;
      const AttentionItem item = a.items[work / a.num_kv_heads];
      const int kv_head = work % a.num_kv_heads;
      copy_queries(item, kv_head);
      const int num_keys = item.position + item.num_tokens;
      const bfloat16* before = nullptr;
      int first = 0;  // position of the tile
      for (; first < num_keys; first += kTile) {
        const bfloat16* mine = key_at(a, item, min(first + own_row(), num_keys - 1), kv_head * kHeadDim);
        copy_tile(mine, 0, num_keys - first);
        if (first > 0) copy_tile(before, value_offset, kTile);
        before = mine;
      }
      copy_tile(before, value_offset, num_keys - (first - kTile));
    }
  }
};

// Queries on their way into the products, in place: RMSNorm of each head, rotary embedding, the softmax's
// scale.
template <int kHeadDim>
struct Turner {
  using Shared = Layout<kHeadDim>;
  static constexpr int kLanes =
      kHeadDim / 8;  // of a row; each holds four numbers and the four they turn with
  static constexpr int kHalf = kHeadDim / 2;
  static constexpr int kRowsAtOnce = kWarpgroup / kLanes;
  static constexpr int kAtOnce = 4;  // rows of a thread, so that their latencies overlap

  const AttentionArguments& a;
  std::uint32_t base;
  Barriers& barriers;
  int column = threadIdx.x % kWarpgroup % kLanes * 4;
  float norm[8];

  struct Turns {
    float4 first, second;  // (cos, sin) of two columns each
  };

  __device__ Turns load(const AttentionItem& item, int row) const {
    const int token = min(row / (a.num_heads / a.num_kv_heads), item.num_tokens - 1);
    const auto* turns = reinterpret_cast<const float4*>(
        a.rotation + static_cast<std::int64_t>(item.position + token) * kHalf + column);
    return {turns[0], turns[1]};
  }

  __device__ void turn(const Turns& turns, int row, std::uint32_t queries) const {
    const float scale = kLog2E * rsqrtf(static_cast<float>(kHeadDim));
    const auto at = [&](int c) {
      return queries + Shared::chunk(row, c / 8, Shared::kQueryBlock) + c % 8 * 2;
    };
    const uint2 low_bits = load8_shared(at(column)), high_bits = load8_shared(at(kHalf + column));
    const float x[4] = {low_half(low_bits.x), high_half(low_bits.x), low_half(low_bits.y),
                        high_half(low_bits.y)};
    const float y[4] = {low_half(high_bits.x), high_half(high_bits.x), low_half(high_bits.y),
                        high_half(high_bits.y)};
    float squares = 0;
#pragma unroll
    for (int e = 0; e < 4; ++e) squares += x[e] * x[e] + y[e] * y[e];
#pragma unroll
    for (int offset = kLanes / 2; offset > 0; offset /= 2)
      squares += __shfl_xor_sync(0xffffffffu, squares, offset);
    const float factor = rsqrtf(squares / kHeadDim + a.eps);
    const float cosine[4] = {turns.first.x, turns.first.z, turns.second.x, turns.second.z};
    const float sine[4] = {turns.first.y, turns.first.w, turns.second.y, turns.second.w};
    float low[4], high[4];
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      const float first = x[e] * factor * norm[e], second = y[e] * factor * norm[4 + e];
      low[e] = (first * cosine[e] - second * sine[e]) * scale;
      high[e] = (second * cosine[e] + first * sine[e]) * scale;
    }
    store8_shared(at(column), {pack_halves(low[0], low[1]), pack_halves(low[2], low[3])});
    store8_shared(at(kHalf + column), {pack_halves(high[0], high[1]), pack_halves(high[2], high[3])});
  }

  __device__ void run() {
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      norm[e] = a.query_norm[column + e];
      norm[4 + e] = a.query_norm[kHalf + column + e];
    }
    Place<kQueryBuffers> place;
    for (unsigned n = 0, work; n * gridDim.x < num_work(a); ++n) {
      if ((work = work_at(n)) >= num_work(a)) continue;
      const AttentionItem item = a.items[work / a.num_kv_heads];
      const std::uint32_t queries = Shared::queries(base, place.index);
      const int first = threadIdx.x % kWarpgroup / kLanes;
      Turns turns[kAtOnce];
#pragma unroll
      for (int i = 0; i < kAtOnce; ++i) turns[i] = load(item, first + i * kRowsAtOnce);
      barrier_wait(&barriers.queries_copied[place.index], place.parity);
#pragma unroll 1
      for (int row = first; row < kRows; row += kAtOnce * kRowsAtOnce) {
#pragma unroll
        for (int i = 0; i < kAtOnce; ++i) turn(turns[i], row + i * kRowsAtOnce, queries);
#pragma unroll
        for (int i = 0; i < kAtOnce; ++i) turns[i] = load(item, row + (kAtOnce + i) * kRowsAtOnce);
      }
      fence_matrix_units();
      barrier_arrive(&barriers.queries_full[place.index]);
      place.advance();
    }
  }
};

template <int kHeadDim>
struct Consumer {
  using Shared = Layout<kHeadDim>;
  static constexpr int kColumns = kHeadDim < 64 ? 64 : kHeadDim;

  const AttentionArguments& a;
  std::uint32_t base;
  Barriers& barriers;
  Place<kSlots> place;
  Place<kQueryBuffers> query_place;
  // The two rows of a thread in a tile of packed (token, head) rows: lane / 4 of its warp's 16, and 8 more.
  int token[2], head[2];
  int first_token, last_token;  // of the whole warpgroup
  float scores[kTile / 2];
  std::uint32_t weights[kTile / 16][4];  // softmax numerators of a tile, as the next product's A
  float out[kColumns / 2];
  float largest[2], sum[2];

  __device__ Consumer(const AttentionArguments& arguments, std::uint32_t address, Barriers& b)
      : a(arguments), base(address), barriers(b) {
    const int group = a.num_heads / a.num_kv_heads;
    const int first = first_row(), warp = threadIdx.x % kWarpgroup / 32, lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int row = first + warp * 16 + lane / 4 + 8 * i;
      token[i] = row / group;
      head[i] = row % group;
    }
    first_token = first / group;
    last_token = min((first + kConsumerRows - 1) / group, kRows / group - 1);
  }

  __device__ static int first_row() {
    return (static_cast<int>(threadIdx.x) / kWarpgroup - 2) * kConsumerRows;
  }
  __device__ int row_token(const AttentionItem& item, int i) const {
    return min(token[i], item.num_tokens - 1);
  }

  // scores = queries * keys^T, not waited for.
  __device__ void multiply_keys(int slot) {
    const std::uint32_t queries = Shared::queries(base, query_place.index) + first_row() * 128;
    const std::uint32_t keys = Shared::slot(base, slot);
#pragma unroll
    for (int s = 0; s < kHeadDim / 16; ++s) {
      const int at = s % 4 * 32;
      multiply_rows(scores, matrix_descriptor(queries + s / 4 * Shared::kQueryBlock + at, 16),
                    matrix_descriptor(keys + s / 4 * Shared::kTileBlock + at, 16), s > 0);
    }
    products_commit();
  }

  // out += weights * values, not waited for.
  __device__ void multiply_values(int slot, int accumulate) {
    const std::uint32_t values = Shared::slot(base, slot);
#pragma unroll
    for (int s = 0; s < kTile / 16; ++s) {
      multiply_columns(out, weights[s], matrix_descriptor(values + s * 16 * 128, Shared::kTileBlock),
                       accumulate || s > 0);
    }
    products_commit();
  }

  __device__ void await(std::uint64_t* barrier, unsigned parity) {
    barrier_wait(barrier, parity);
    fence_matrix_units();
  }
  __device__ void await_tile() {
    await(&barriers.full[place.index], place.parity);
  }
  __device__ void release(std::uint64_t* barrier) {
    __syncwarp();
    if (threadIdx.x % 32 == 0) barrier_arrive(barrier);
  }

  // Hides keys beyond each row's own position.
  __device__ void mask(const AttentionItem& item, int tile) {
    if (tile * kTile + kTile - 1 <= item.position + first_token) return;
    const int lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      const int last = item.position + row_token(item, i) - tile * kTile;
#pragma unroll
      for (int block = 0; block < kTile / 8; ++block) {
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
    float tops[2];
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      float top = largest[i];
#pragma unroll
      for (int block = 0; block < kTile / 8; ++block) {
        top = fmaxf(top, fmaxf(scores[block * 4 + i * 2], scores[block * 4 + i * 2 + 1]));
      }
      top = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 1));
      tops[i] = fmaxf(top, __shfl_xor_sync(0xffffffffu, top, 2));
      shrink[i] = power_of_two(largest[i] - tops[i]);
      largest[i] = tops[i];
    }
#pragma unroll
    for (int c = 0; c < kTile / 2; ++c) scores[c] = power_of_two(scores[c] - tops[c / 2 % 2]);
      // Several sums at a time, so that none waits for each power in turn.
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      float parts[4] = {};
#pragma unroll
      for (int block = 0; block < kTile / 8; ++block) {
#pragma unroll
        for (int e = 0; e < 2; ++e) parts[block % 2 * 2 + e] += scores[block * 4 + i * 2 + e];
      }
      sum[i] = sum[i] * shrink[i] + ((parts[0] + parts[1]) + (parts[2] + parts[3]));
    }
  }

  __device__ void pack_scores() {
#pragma unroll
    for (int s = 0; s < kTile / 16; ++s) {
#pragma unroll
      for (int part = 0; part < 4; ++part) {
        const int at = (2 * s + part / 2) * 4 + part % 2 * 2;
        weights[s][part] = pack_halves(scores[at], scores[at + 1]);
      }
    }
  }

  // Passes over a slot that this warpgroup has no use for.
  __device__ void skip() {
    barrier_wait(&barriers.full[place.index], place.parity);
    release(&barriers.empty[place.index]);
    place.advance();
  }

  // All tiles of an item. Those beyond this warpgroup's last row would change nothing.
  __device__ void attend(const AttentionItem& item) {
    const int all = num_tiles(item);
    const int last_position = item.position + min(last_token, item.num_tokens - 1);
    const int mine = first_token < item.num_tokens ? last_position / kTile + 1 : 0;
    largest[0] = largest[1] = -INFINITY;
    sum[0] = sum[1] = 0;
    await(&barriers.queries_full[query_place.index], query_place.parity);
    if (mine == 0) {
      release(&barriers.queries_empty[query_place.index]);
      for (int slot = 0; slot < 2 * all; ++slot) skip();
      return;
    }
    float shrink[2];
    await_tile();
    products_begin();
    multiply_keys(place.index);
    products_wait<0>();
    release(&barriers.empty[place.index]);
    place.advance();
    mask(item, 0);
    softmax(shrink);
    pack_scores();
    if (mine > 1) await_tile();
    for (int tile = 1; tile < mine; ++tile) {
      const int keys = place.index;
      place.advance();
      await_tile();
      const int values = place.index;
      place.advance();
      products_begin();
      multiply_keys(keys);
      multiply_values(values, tile > 1);
      products_wait<1>();
      release(&barriers.empty[keys]);
      mask(item, tile);
      softmax(shrink);
      // Here, because the branch also keeps the compiler from waiting for the values before the softmax.
      if (tile + 1 < mine) await_tile();
      products_wait<0>();
      release(&barriers.empty[values]);
      pack_scores();
#pragma unroll
      for (int c = 0; c < kColumns / 2; ++c) out[c] *= shrink[c / 2 % 2];
    }
    release(&barriers.queries_empty[query_place.index]);
    if (mine < all) skip();  // the keys that come before the last values
    await_tile();
    products_begin();
    multiply_values(place.index, mine > 1);
    products_wait<0>();
    release(&barriers.empty[place.index]);
    place.advance();
    for (int slot = 2 * mine + 1; slot < 2 * all; ++slot) skip();
  }

  // Four numbers of four lanes, exchanged so that each lane holds one of the four from all lanes.
  __device__ static uint4 transpose(const std::uint32_t (&x)[4]) {
    const int lane = threadIdx.x % 4;
    const bool odd = lane % 2 != 0, upper = lane >= 2;
    const std::uint32_t a = __shfl_xor_sync(0xffffffffu, odd ? x[0] : x[1], 1);
    const std::uint32_t b = __shfl_xor_sync(0xffffffffu, odd ? x[2] : x[3], 1);
    const uint2 first = odd ? uint2{a, x[1]} : uint2{x[0], a};
    const uint2 second = odd ? uint2{b, x[3]} : uint2{x[2], b};
    const std::uint32_t c = __shfl_xor_sync(0xffffffffu, upper ? first.x : second.x, 2);
    const std::uint32_t d = __shfl_xor_sync(0xffffffffu, upper ? first.y : second.y, 2);
    return upper ? uint4{c, d, second.x, second.y} : uint4{first.x, first.y, c, d};
  }

  __device__ void store(const AttentionItem& item, int kv_head) {
    const int group = a.num_heads / a.num_kv_heads, lane = threadIdx.x % 32;
#pragma unroll
    for (int i = 0; i < 2; ++i) {
      float total = sum[i];
      total += __shfl_xor_sync(0xffffffffu, total, 1);
      total += __shfl_xor_sync(0xffffffffu, total, 2);
      const float inverse = 1.0f / total;
      bfloat16* to = a.out + static_cast<std::int64_t>(item.first_row + token[i]) * a.num_heads * kHeadDim +
                     (kv_head * group + head[i]) * kHeadDim + lane % 4 * 8;
#pragma unroll
      for (int quad = 0; quad < kHeadDim / 32; ++quad) {
        std::uint32_t packed[4];
#pragma unroll
        for (int block = 0; block < 4; ++block) {
          const int at = (quad * 4 + block) * 4 + i * 2;
          packed[block] = pack_halves(out[at] * inverse, out[at + 1] * inverse);
        }
        const uint4 whole = transpose(packed);
        if (token[i] < item.num_tokens) *reinterpret_cast<uint4*>(to + quad * 32) = whole;
      }
    }
  }

  __device__ void run() {
    for (unsigned n = 0, work; n * gridDim.x < num_work(a); ++n) {
      if ((work = work_at(n)) >= num_work(a)) continue;
      const AttentionItem item = a.items[work / a.num_kv_heads];
      attend(item);
      store(item, work % a.num_kv_heads);
      query_place.advance();
    }
  }
};

template <int kHeadDim>
__global__ void __launch_bounds__(kThreads, 1)
    attention_kernel(const __grid_constant__ AttentionArguments a) {
  extern __shared__ unsigned char shared[];
  __shared__ Barriers barriers;
  const std::uint32_t base = (shared_address(shared) + 1023) / 1024 * 1024;
  if (threadIdx.x == 0) {
    for (int slot = 0; slot < kSlots; ++slot) {
      barrier_init(&barriers.full[slot], kWarpgroup);
      barrier_init(&barriers.empty[slot], kConsumers * kWarpgroup / 32);
    }
    for (int buffer = 0; buffer < kQueryBuffers; ++buffer) {
      barrier_init(&barriers.queries_copied[buffer], kWarpgroup);
      barrier_init(&barriers.queries_full[buffer], kWarpgroup);
      barrier_init(&barriers.queries_empty[buffer], kConsumers * kWarpgroup / 32);
    }
    asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory");
  }
  __syncthreads();
  if (threadIdx.x < kWarpgroup) {
    registers_give<96>();
    Copier<kHeadDim>{a, base, barriers}.run();
  } else if (threadIdx.x < 2 * kWarpgroup) {
    registers_give<96>();
    Turner<kHeadDim>{a, base, barriers}.run();
  } else {
    registers_take<160>();
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
  const std::int32_t work = a.num_items * a.num_kv_heads;
  if (work == 0) return;
  const auto grid = static_cast<unsigned>(work < a.num_processors ? work : a.num_processors);
  with_head_dim(a.head_dim, [&](auto dim) {
    attention_kernel<dim.value><<<grid, kThreads, Layout<dim.value>::kBytes, stream>>>(a);
  });
  RERANK_CUDA_CHECK(cudaGetLastError());
}

}  // namespace rerank::cuda
