#include "backend/cuda/batch_layout.h"

#include <algorithm>
#include <cstring>

#include "rerank/error.h"

namespace rerank::cuda {
namespace {

std::size_t size(std::int32_t n) {
  return static_cast<std::size_t>(n);
}

}  // namespace

template <typename T>
void BatchLayout::place(Array<T>& array, std::size_t count) {
  size_bytes_ = (size_bytes_ + 255) / 256 * 256;
  array.offset_bytes = size_bytes_;
  size_bytes_ += count * sizeof(T);
}

BatchLayout::BatchLayout(const BackendLimits& limits, std::int32_t item_tokens) : item_tokens_(item_tokens) {
  const std::size_t tokens = size(limits.max_tokens), segments = size(limits.max_segments);
  const std::size_t max_items = tokens / size(item_tokens) + 2 * segments + size(limits.max_scores);
  place(ids, tokens);
  place(positions, tokens);
  place(slots, tokens);
  place(scored_rows, size(limits.max_scores));
  place(scored_positions, size(limits.max_scores));
  place(items, max_items);
  place(runs, size(limits.max_ranges) + segments);
  sorted_.reserve(max_items);
  first_runs_.reserve(segments);
}

void BatchLayout::fill(const PackedBatch& batch, std::byte* host) {
  num_tokens_ = batch.num_tokens();
  num_scores_ = batch.num_scores;
  std::memcpy(ids.at(host), batch.ids.data(), batch.ids.size() * sizeof(std::int32_t));
  std::int32_t num_runs = 0;
  first_runs_.clear();
  for (const Segment& segment : batch.segments) {
    first_runs_.push_back(num_runs);
    std::int32_t position = 0;
    for (std::int32_t i = 0; i < segment.num_ranges; ++i) {
      const KeyRange& range = batch.ranges[size(segment.first_range + i)];
      runs.at(host)[num_runs++] = {.begin = position, .source = range.slot, .kept = 1, .unused = 0};
      position += range.num_tokens;
    }
    check(position == segment.first_position, "a segment's ranges do not reach its first position");
    runs.at(host)[num_runs++] = {.begin = position, .source = segment.first_row, .kept = 0, .unused = 0};
    for (std::int32_t i = 0; i < segment.num_tokens; ++i) {
      const std::int32_t row = segment.first_row + i;
      positions.at(host)[row] = position + i;
      slots.at(host)[row] = segment.slot == kNotKept ? kNotKept : segment.slot + i;
    }
    if (segment.score == kNotScored) continue;
    scored_rows.at(host)[segment.score] = segment.first_row + segment.num_tokens - 1;
    scored_positions.at(host)[segment.score] = position + segment.num_tokens - 1;
  }
  add_items(batch, first_runs_);
  std::memcpy(items.at(host), sorted_.data(), sorted_.size() * sizeof(AttentionItem));
}

void BatchLayout::add_items(const PackedBatch& batch, const std::vector<std::int32_t>& first_runs) {
  sorted_.clear();
  const auto item_of = [&](std::size_t s, std::int32_t first_row, std::int32_t num_tokens,
                           std::int32_t position) {
    sorted_.push_back({.first_row = first_row,
                       .num_tokens = num_tokens,
                       .position = position,
                       .first_run = first_runs[s],
                       .num_runs = batch.segments[s].num_ranges + 1,
                       .unused = {}});
  };
  for (std::size_t s = 0; s < batch.segments.size(); ++s) {
    const Segment& segment = batch.segments[s];
    // Items end where tiles of keys do, so that fewer rows look at a tile in part.
    for (std::int32_t i = 0; i < segment.num_tokens;) {
      const std::int32_t position = segment.first_position + i;
      const std::int32_t count = std::min(item_tokens_ - position % item_tokens_, segment.num_tokens - i);
      item_of(s, segment.first_row + i, count, position);
      i += count;
    }
  }
  all_items_ = {0, static_cast<std::int32_t>(sorted_.size())};
  // The most work first, so that no long item is left for the end.
  std::ranges::sort(sorted_, [](const AttentionItem& a, const AttentionItem& b) {
    const std::int32_t a_end = a.position + a.num_tokens, b_end = b.position + b.num_tokens;
    return a_end != b_end ? a_end > b_end : a.first_row < b.first_row;
  });
  for (std::size_t s = 0; s < batch.segments.size(); ++s) {
    const Segment& segment = batch.segments[s];
    if (segment.score == kNotScored) continue;
    item_of(s, segment.score, 1, segment.first_position + segment.num_tokens - 1);
  }
  scored_items_ = {all_items_.count, batch.num_scores};
}

}  // namespace rerank::cuda
