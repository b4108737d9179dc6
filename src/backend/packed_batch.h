// One forward's worth of work as flat arrays: no padding, no strings, no requests. The scheduler fills it, a
// backend computes it.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

namespace rerank {

// Keys and values of `num_tokens` consecutive positions, kept in consecutive slots of the backend's key/value
// store.
struct KeyRange {
  std::int32_t slot = 0;
  std::int32_t num_tokens = 0;
};

inline constexpr std::int32_t kNotKept = -1;
inline constexpr std::int32_t kNotScored = -1;
inline constexpr std::int32_t kOneType = std::numeric_limits<std::int32_t>::max();

// A run of tokens of one prompt. It attends to its ancestors' keys, in whole, and causally to its own. Where
// attention goes both ways, a segment is a whole prompt and has no ancestors.
struct Segment {
  std::int32_t first_row = 0;       // its tokens are rows [first_row, first_row + num_tokens) of the batch
  std::int32_t num_tokens = 0;      // >= 1
  std::int32_t first_position = 0;  // of its first token in the prompt: the sum of its ranges' num_tokens
  std::int32_t first_range = 0;  // its ancestors, by position: ranges [first_range, first_range + num_ranges)
  std::int32_t num_ranges = 0;
  std::int32_t slot = kNotKept;  // where its own keys and values are kept for its children; kNotKept: nowhere
  std::int32_t score = kNotScored;      // row of the logits that its pooled state fills; kNotScored: none
  std::int32_t type_border = kOneType;  // its tokens from this one on have type 1, those before it type 0
};

// REQUIRES: a segment whose range names slots written in this same batch comes after the segment that writes
// them.
struct PackedBatch {
  std::vector<std::int32_t> ids;  // [num_tokens]
  std::vector<Segment> segments;  // [num_segments], rows in order and without gaps
  std::vector<KeyRange> ranges;   // [num_ranges]
  std::int32_t num_scores = 0;    // scored segments carry 0 .. num_scores - 1, in order

  std::int32_t num_tokens() const { return static_cast<std::int32_t>(ids.size()); }
  void clear() {
    ids.clear();
    segments.clear();
    ranges.clear();
    num_scores = 0;
  }
};

}  // namespace rerank
