// The tile scheduler of a matrix product: which tiles a cluster of blocks computes, and in which order; see
// fused_gemm.cu. No schedule changes a row's bits.
#pragma once

#include <cstdint>

#include "backend/cuda/hopper/fused_gemm.h"

namespace rerank::cuda {

constexpr std::int32_t kGemmRows = 128;  // of a block's tile
constexpr std::int32_t kGemmHalf = 128;  // outputs of half a tile
constexpr std::int32_t kGemmColumns = 2 * kGemmHalf;
// Blocks with different rows and the same weights: each copies half of the weights to both.
constexpr std::int32_t kGemmCluster = 2;
static_assert(kGemmPairRows == kGemmCluster * kGemmRows);
constexpr std::int32_t kGemmHalfPairRows = kGemmPairRows / 2;
constexpr std::int32_t kGemmMultipliers = 2;  // of a block
constexpr std::int32_t kGemmPartRows = kGemmRows / kGemmMultipliers;

constexpr std::int32_t tiles_of(std::int32_t size, std::int32_t step) {
  return (size + step - 1) / step;
}

// Divides by multiplying: an integer division takes as long as a part of a tile. Exact if number * value <
// 2^32.
struct Divisor {
  std::uint32_t value = 1;
  std::uint64_t reciprocal = std::uint64_t{1} << 32;  // ceil(2^32 / value)

  Divisor() = default;
  explicit Divisor(std::int32_t divisor)
      : value(static_cast<std::uint32_t>(divisor)),
        reciprocal(((std::uint64_t{1} << 32) + value - 1) / value) {}
  __host__ __device__ std::int32_t divide(std::int32_t number) const {
    return static_cast<std::int32_t>(static_cast<std::uint64_t>(number) * reciprocal >> 32);
  }
};

// Pairs of row tiles times all output tiles, in turns of two output tiles: first the pair that is apart, if
// there is one, then the other pairs with the first output tile and with the second.
struct GemmStrip {
  Divisor height;  // pairs, except one that is apart
  Divisor turn;    // in tiles
};

// Clusters process strips of a few pairs of row tiles, so that tiles computed at the same time share rows and
// weights in the cache. Each cluster takes the next tile in turn.
// - Clusters that begin before the others, since they finished the previous product early, have some tiles
//   ahead.
// - If little is left after the whole rounds, it is computed as half tiles, of the first rows and then of the
//   others, by twice as many clusters.
// - If the last rows are few enough for one multiplier, they are apart: each block of a cluster has another
//   of two output tiles, and all these rows.
struct GemmSchedule {
  std::int32_t output_tiles = 0;
  std::int32_t strip_pairs = 0;
  Divisor strip_tiles;
  std::int32_t last_strip = 0;
  std::int32_t last_pair = 0;
  bool last_is_apart = false;
  GemmStrip strips, end_strip;
  std::int32_t num_tiles = 0;  // if the last rows are apart, two of their tiles count as one
  std::int32_t num_whole = 0;
  std::int32_t num_halves = 0;  // of the tiles after those
  std::int32_t num_early = 0;   // clusters
  std::int32_t num_ahead = 0;   // tiles of each early cluster

  std::int32_t num_turns() const { return num_whole + num_halves; }
  // Rounds of all clusters, in half tiles.
  std::int32_t half_rounds(std::int32_t num_clusters) const;
  // What the next product can make use of.
  GemmEnd end(const FusedGemmArguments& arguments) const;
};

std::int32_t num_gemm_clusters(const FusedGemmArguments& arguments);
// REQUIRES: there are rows.
GemmSchedule gemm_schedule(const FusedGemmArguments& arguments, std::int32_t output_tiles, bool quantized);

// Iterates over the tiles of a block. The rows of half a tile belong to both blocks of the cluster, and to
// one multiplier in each. So do the last rows, if they are few.
class GemmTiles {
 public:
  __host__ __device__ GemmTiles(std::int32_t num_rows, const GemmSchedule& schedule,
                                std::int32_t num_clusters, std::int32_t cluster, std::int32_t block)
      : schedule_(schedule), num_rows_(num_rows), clusters_(num_clusters), block_(block), now_(cluster) {
    if (cluster < schedule.num_early) {
      ahead_ = schedule.num_ahead;
    } else {
      now_ += schedule.num_early * schedule.num_ahead;
    }
    find();
  }

  __host__ __device__ std::int32_t row() const { return row_; }    // the first row
  __host__ __device__ std::int32_t tile() const { return tile_; }  // output tile
  // Multipliers that have rows; the same in both blocks.
  __host__ __device__ std::int32_t parts() const { return parts_; }
  // Whether the other block has the same rows and different outputs.
  __host__ __device__ bool is_apart() const { return is_apart_; }
  __host__ __device__ bool has_ended() const { return now_ >= schedule_.num_whole + schedule_.num_halves; }
  __host__ __device__ bool is_last() const {
    return now_ + step() >= schedule_.num_whole + schedule_.num_halves;
  }
  __host__ __device__ void advance() {
    now_ += step();
    --ahead_;
    find();
  }

 private:
  __host__ __device__ std::int32_t step() const { return ahead_ > 0 ? schedule_.num_early : clusters_; }

  __host__ __device__ void find() {
    const GemmSchedule& s = schedule_;
    const bool is_second = now_ >= s.num_tiles;  // second half
    const std::int32_t index = is_second ? s.num_whole + now_ - s.num_tiles : now_;
    const std::int32_t strip = s.strip_tiles.divide(index);
    const bool is_end = strip == s.last_strip;
    const GemmStrip in = is_end ? s.end_strip : s.strips;
    const std::int32_t in_strip = index - strip * static_cast<std::int32_t>(s.strip_tiles.value);
    const std::int32_t turn = in.turn.divide(in_strip);
    const std::int32_t in_turn = in_strip - turn * static_cast<std::int32_t>(in.turn.value) -
                                 static_cast<std::int32_t>(is_end && s.last_is_apart);
    is_apart_ = in_turn < 0;
    const std::int32_t second = is_apart_ ? block_ : in.height.divide(in_turn);  // output tile of the turn
    const std::int32_t pair =
        is_apart_ ? s.last_pair
                  : strip * s.strip_pairs + in_turn - second * static_cast<std::int32_t>(in.height.value);
    const std::int32_t first_row = pair * kGemmPairRows + (is_second ? kGemmHalfPairRows : 0);
    tile_ = 2 * turn + second;
    parts_ = now_ < s.num_whole && first_row + kGemmHalfPairRows < num_rows_ ? kGemmMultipliers : 1;
    row_ = first_row + (is_apart_ ? 0 : block_ * parts_ * kGemmPartRows);
    if (is_apart_ && tile_ == s.output_tiles) {  // there is no second one: use rows that do not exist
      --tile_;
      row_ = pair * kGemmPairRows + kGemmHalfPairRows;
    }
  }

  const GemmSchedule& schedule_;
  std::int32_t num_rows_, clusters_, block_, now_, ahead_ = 0;
  std::int32_t row_ = 0, tile_ = 0, parts_ = 0;
  bool is_apart_ = false;
};

}  // namespace rerank::cuda
