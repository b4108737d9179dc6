// Batches of every shape that a backend's step may meet, of ids below 50. For tests only.
#pragma once

#include <cstdint>
#include <random>
#include <utility>
#include <vector>

#include "backend/packed_batch.h"
#include "backend/transformer.h"
#include "tests/support/under_sanitizer.h"

namespace rerank {

// Fills a PackedBatch segment by segment.
class BatchMaker {
 public:
  explicit BatchMaker(std::uint32_t seed) : random_(seed) {}

  void add(std::int32_t num_tokens, const std::vector<KeyRange>& parents, std::int32_t slot, bool scored) {
    Segment segment;
    segment.first_row = batch_.num_tokens();
    segment.num_tokens = num_tokens;
    segment.first_range = static_cast<std::int32_t>(batch_.ranges.size());
    segment.num_ranges = static_cast<std::int32_t>(parents.size());
    for (const KeyRange& parent : parents) segment.first_position += parent.num_tokens;
    batch_.ranges.insert(batch_.ranges.end(), parents.begin(), parents.end());
    segment.slot = slot;
    if (scored) segment.score = batch_.num_scores++;
    batch_.segments.push_back(segment);
    for (std::int32_t i = 0; i < num_tokens; ++i)
      batch_.ids.push_back(static_cast<std::int32_t>(random_() % 50));
  }
  // A whole prompt, as encoders read them: tokens from `type_border` on have type 1.
  void add_pair(std::int32_t num_tokens, std::int32_t type_border) {
    add(num_tokens, {}, kNotKept, true);
    batch_.segments.back().type_border = type_border;
  }
  PackedBatch take() { return std::exchange(batch_, {}); }

 private:
  std::mt19937 random_;
  PackedBatch batch_;
};

// One row; shared parents in the same batch and from an earlier one; a chunk after a chunk; borders of key
// tiles inside and between parts; segments not scored; more rows than an attention block holds.
inline std::vector<PackedBatch> step_batches() {
  BatchMaker maker(3);
  std::vector<PackedBatch> all;
  maker.add(1, {}, kNotKept, true);
  all.push_back(maker.take());
  maker.add(70, {}, 5, false);
  maker.add(33, {{5, 70}}, 600, true);
  maker.add(1, {{5, 70}}, kNotKept, true);
  maker.add(64, {}, kNotKept, true);
  maker.add(25, {{5, 70}, {600, 33}}, kNotKept, true);
  maker.add(7, {}, kNotKept, false);
  all.push_back(maker.take());
  maker.add(128, {{5, 70}, {600, 33}}, 100, false);
  maker.add(57, {{5, 70}}, kNotKept, true);
  maker.add(2, {{5, 70}, {600, 33}, {100, 128}}, 400, true);
  all.push_back(maker.take());
  if (kUnderSanitizer) return all;  // the reference would take minutes with the rest
  maker.add(270, {{5, 70}}, 200, true);
  maker.add(20, {{5, 70}, {600, 33}, {100, 128}, {400, 2}}, kNotKept, true);
  all.push_back(maker.take());
  return all;
}

// Whole prompts: one token; shorter and longer than a tile of keys and a window; borders of types at either
// end; one not scored; more rows than an attention block holds.
inline std::vector<PackedBatch> pair_batches() {
  BatchMaker maker(4);
  std::vector<PackedBatch> all;
  maker.add_pair(1, kOneType);
  all.push_back(maker.take());
  maker.add_pair(70, 12);
  maker.add(7, {}, kNotKept, false);
  maker.add_pair(33, 0);
  maker.add_pair(1, 1);
  maker.add_pair(64, 63);
  maker.add_pair(129, 40);
  all.push_back(maker.take());
  if (kUnderSanitizer) return all;
  maker.add_pair(270, 100);
  maker.add_pair(20, 3);
  all.push_back(maker.take());
  return all;
}

// Those that a model of this specification reads.
inline std::vector<PackedBatch> batches_of(const TransformerSpec& spec) {
  if (spec.mask == Mask::kCausal) return step_batches();
  std::vector<PackedBatch> all = pair_batches();
  for (PackedBatch& batch : all) {
    for (Segment& segment : batch.segments) {
      if (spec.num_token_types < 2) segment.type_border = kOneType;
    }
  }
  return all;
}

}  // namespace rerank
