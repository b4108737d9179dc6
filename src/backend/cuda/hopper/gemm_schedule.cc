#include "backend/cuda/hopper/gemm_schedule.h"

#include <algorithm>
#include <limits>

namespace rerank::cuda {
namespace {

GemmStrip strip_of(std::int32_t pairs, bool has_pair_apart) {
  const std::int32_t apart = has_pair_apart, height = pairs - apart;
  return {.height = Divisor(std::max(height, 1)), .turn = Divisor(2 * height + apart)};
}

// How the tiles end: first the clusters that began early; times are in tiles since the others began.
struct Ending {
  float time = std::numeric_limits<float>::infinity();
  std::int32_t num_ahead = 0;
  std::int32_t num_halves = 0;
};

struct Tiles {
  std::int32_t count;
  std::int32_t without_second_half;  // the last ones
  std::int32_t clusters;
  std::int32_t num_early;
  float lead;  // of the early ones, in tiles
};

Ending earliest_ending(const Tiles& tiles) {
  Ending best;
  for (std::int32_t ahead = 0; static_cast<float>(ahead) <= tiles.lead + 1; ++ahead) {
    const std::int32_t others = tiles.count - ahead * tiles.num_early, left = others % tiles.clusters;
    if (ahead > 0 && (others < tiles.clusters || tiles.num_early == 0)) break;
    const std::int32_t whole_rounds = others / tiles.clusters;
    const auto rounds = static_cast<float>(whole_rounds);
    const auto consider = [&](std::int32_t busy, std::int32_t halves) {
      const float last = busy == 0 ? 0.0f : halves > 0 ? 0.5f : 1.0f;
      const float early = tiles.num_early == 0 ? 0 : static_cast<float>(ahead) - tiles.lead + rounds + last;
      const float time = std::max(early, busy > tiles.num_early ? rounds + last : rounds);
      if (time < best.time) best = {time, ahead, halves};
    };
    const std::int32_t halves = 2 * left - std::min(left, tiles.without_second_half);
    if (halves <= tiles.clusters) consider(halves, halves);
    consider(left, 0);
  }
  return best;
}

}  // namespace

std::int32_t num_gemm_clusters(const FusedGemmArguments& a) {
  return a.num_processors / kGemmCluster;
}

GemmSchedule gemm_schedule(const FusedGemmArguments& a, std::int32_t output_tiles, bool quantized) {
  // If the weights fit the cache, they are read again for each pair of row tiles, and rows once; otherwise
  // both share it.
  constexpr std::int64_t kCachedBytes = std::int64_t{16} << 20;
  constexpr std::int32_t kStripPairs = 11;
  const std::int64_t weight_bytes = std::int64_t{quantized ? 1 : 2} * a.inputs * output_tiles * kGemmColumns;
  const std::int32_t clusters = num_gemm_clusters(a), last_pair = (a.num_rows - 1) / kGemmPairRows;
  const std::int32_t strip = weight_bytes <= kCachedBytes || last_pair == 0 ? 1 : kStripPairs;
  const std::int32_t last_rows = a.num_rows - last_pair * kGemmPairRows, last_strip = last_pair / strip;
  // In a first round, clusters would be left without tiles.
  const bool has_rounds = (last_pair + 1) * output_tiles > clusters;
  const bool is_apart = has_rounds && last_rows <= kGemmPartRows;
  const std::int32_t last_tiles = is_apart ? tiles_of(output_tiles, kGemmCluster) : output_tiles;
  const std::int32_t tiles = last_pair * output_tiles + last_tiles;
  const Ending ending = earliest_ending({
      .count = tiles,
      // Without strips, the last tiles have the last rows, which may be less than half a tile.
      .without_second_half = strip == 1 && last_rows <= kGemmHalfPairRows ? last_tiles : 0,
      .clusters = clusters,
      .num_early = has_rounds ? a.before.end.num_early : 0,
      .lead = has_rounds ? a.before.end.early_inputs / static_cast<float>(a.inputs) : 0,
  });
  const std::int32_t num_early = ending.num_ahead > 0 ? a.before.end.num_early : 0;
  const std::int32_t left = (tiles - num_early * ending.num_ahead) % clusters;
  return {.output_tiles = output_tiles,
          .strip_pairs = strip,
          .strip_tiles = Divisor(strip * output_tiles),
          .last_strip = last_strip,
          .last_pair = last_pair,
          .last_is_apart = is_apart,
          .strips = strip_of(strip, false),
          .end_strip = strip_of(last_pair + 1 - last_strip * strip, is_apart),
          .num_tiles = tiles,
          .num_whole = ending.num_halves > 0 ? tiles - left : tiles,
          .num_halves = ending.num_halves,
          .num_early = num_early,
          .num_ahead = ending.num_ahead};
}

std::int32_t GemmSchedule::half_rounds(std::int32_t num_clusters) const {
  return 2 * tiles_of(num_whole, num_clusters) + (num_halves > 0 ? 1 : 0);
}

GemmEnd GemmSchedule::end(const FusedGemmArguments& a) const {
  const std::int32_t clusters = num_gemm_clusters(a);
  const std::int32_t busy = num_halves > 0 ? num_halves : num_whole % clusters;
  // Clusters with tiles ahead end with the others, more or less.
  if (busy == 0 || num_ahead > 0 || num_whole < clusters) return {};
  return {.num_early = clusters - busy,
          .early_inputs = static_cast<float>(a.inputs) * (num_halves > 0 ? 0.5f : 1.0f)};
}

}  // namespace rerank::cuda
