// Holds batches against what they must be, however they were planned: within the limits, every key that is
// read was computed after exactly the tokens that stand before it here, and every score is that of its whole
// prompt. Quicker than PromptBackend, for many thousand schedules. For tests only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "backend/packed_batch.h"
#include "engine/schedule/batch_planner.h"

namespace rerank {

// A key depends on its token and all before it.
inline std::uint64_t key_after(std::uint64_t before, std::int32_t id) {
  return (before ^ static_cast<std::uint32_t>(id)) * 0x9E3779B97F4A7C15u + 1;
}

class ScheduleChecker {
 public:
  explicit ScheduleChecker(const SchedulerOptions& options)
      : options_(options),
        keys_(static_cast<std::size_t>(options.num_slots()), 0),
        writer_(keys_.size(), -1) {}

  // The last key of each scored prompt, in order. What is wrong stands in error().
  const std::vector<std::uint64_t>& compute(const PackedBatch& batch) {
    scores_.clear();
    check_limits(batch);
    writer_.assign(writer_.size(), -1);
    for (std::size_t s = 0; s < batch.segments.size() && error_.empty(); ++s)
      note_writes(batch.segments[s], s);
    std::int32_t row = 0;
    for (std::size_t s = 0; s < batch.segments.size() && error_.empty(); ++s) {
      const Segment& segment = batch.segments[s];
      if (segment.first_row != row || segment.num_tokens < 1) error_ = "rows with gaps";
      row += segment.num_tokens;
      compute(batch, segment, static_cast<std::int32_t>(s));
    }
    if (row != batch.num_tokens() || static_cast<std::int32_t>(scores_.size()) != batch.num_scores) {
      fail("rows or scores are left over");
    }
    return scores_;
  }
  const std::string& error() const { return error_; }

 private:
  void fail(const char* what) {
    if (error_.empty()) error_ = what;
  }

  void check_limits(const PackedBatch& batch) {
    if (batch.num_tokens() > options_.max_num_batched_tokens) fail("too many tokens");
    if (batch.num_scores > options_.max_num_seqs) fail("too many scores");
    if (static_cast<std::int32_t>(batch.segments.size()) > options_.max_segments()) fail("too many segments");
    if (static_cast<std::int32_t>(batch.ranges.size()) > options_.max_ranges()) fail("too many ranges");
  }

  // All rows of a batch write before any of them reads.
  void note_writes(const Segment& segment, std::size_t index) {
    if (segment.slot == kNotKept) return;
    for (std::int32_t i = 0; i < segment.num_tokens; ++i) {
      const auto slot = static_cast<std::size_t>(segment.slot + i);
      if (segment.slot < 0 || slot >= keys_.size()) return fail("a slot that does not exist");
      if (writer_[slot] >= 0) return fail("two segments of a batch write one slot");
      writer_[slot] = static_cast<std::int32_t>(index);
    }
  }

  void compute(const PackedBatch& batch, const Segment& segment, std::int32_t index) {
    std::uint64_t key = 0;
    std::int32_t position = 0;
    for (std::int32_t r = 0; r < segment.num_ranges; ++r) {
      const KeyRange& range = batch.ranges[static_cast<std::size_t>(segment.first_range + r)];
      for (std::int32_t i = 0; i < range.num_tokens; ++i) {
        const auto slot = static_cast<std::size_t>(range.slot + i);
        if (range.slot < 0 || slot >= keys_.size()) return fail("a range that does not exist");
        if (writer_[slot] >= index) return fail("a slot is overwritten while it is read");
        if (i == 0 && !follows(slot, key)) return fail("a key of another prompt");
        if (i > 0 && before_[slot] != key) return fail("a key of another prompt");
        key = keys_[slot];
      }
      position += range.num_tokens;
    }
    if (segment.first_position != position) return fail("a wrong position");
    for (std::int32_t i = 0; i < segment.num_tokens; ++i) {
      const std::uint64_t before = key;
      key = key_after(key, batch.ids[static_cast<std::size_t>(segment.first_row + i)]);
      if (segment.slot == kNotKept) continue;
      const auto slot = static_cast<std::size_t>(segment.slot + i);
      before_[slot] = before;
      keys_[slot] = key;
    }
    if (segment.score == kNotScored) return;
    if (segment.score != static_cast<std::int32_t>(scores_.size())) return fail("scores out of order");
    scores_.push_back(key);
  }
  bool follows(std::size_t slot, std::uint64_t key) const { return keys_[slot] != 0 && before_[slot] == key; }

  SchedulerOptions options_;
  std::vector<std::uint64_t> keys_;                                                  // 0: never written
  std::vector<std::uint64_t> before_ = std::vector<std::uint64_t>(keys_.size(), 0);  // the key before each
  std::vector<std::int32_t> writer_;  // segment of the batch at hand; -1: none
  std::vector<std::uint64_t> scores_;
  std::string error_;
};

}  // namespace rerank
