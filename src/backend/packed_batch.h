// The work of one forward pass as flat arrays: no padding, no strings, no requests. The scheduler fills it, a
// backend computes it.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace rerank {

// The keys and values of `num_tokens` consecutive positions, cached in consecutive slots of the backend's
// key/value store.
struct KeyRange {
  std::int32_t slot = 0;
  std::int32_t num_tokens = 0;
};

inline constexpr std::int32_t kNotKept = -1;
inline constexpr std::int32_t kNotScored = -1;
inline constexpr std::int32_t kOneType = std::numeric_limits<std::int32_t>::max();

// Consecutive tokens of one prompt. They attend to all keys of their ancestors, and causally to each other.
// With bidirectional attention a segment is a whole prompt and has no ancestors.
struct Segment {
  std::int32_t first_row = 0;       // its rows of the batch are [first_row, first_row + num_tokens)
  std::int32_t num_tokens = 0;      // >= 1
  std::int32_t first_position = 0;  // in the prompt: the sum of num_tokens of its ranges
  std::int32_t first_range = 0;     // its ancestors, in order: ranges [first_range, first_range + num_ranges)
  std::int32_t num_ranges = 0;
  std::int32_t slot = kNotKept;         // where its keys and values are cached; kNotKept: nowhere
  std::int32_t score = kNotScored;      // its row of the logits; kNotScored: none
  std::int32_t type_border = kOneType;  // tokens before this one have type 0, the others type 1
};

// REQUIRES: a segment whose ranges include slots written in the same batch comes after the segment that
// writes them.
struct PackedBatch {
  std::vector<std::int32_t> ids;  // [num_tokens]
  std::vector<Segment> segments;  // [num_segments], rows in order and without gaps
  std::vector<KeyRange> ranges;   // [num_ranges]
  std::int32_t num_scores = 0;    // scored segments have 0 .. num_scores - 1, in order

  std::int32_t num_tokens() const { return static_cast<std::int32_t>(ids.size()); }
  void clear() {
    ids.clear();
    segments.clear();
    ranges.clear();
    num_scores = 0;
  }
};

}  // namespace rerank
