#include "backend/cuda/batch_layout.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "backend/cuda/size.h"
#include "rerank/error.h"

namespace rerank::cuda {

template <typename T>
void BatchLayout::place(Array<T>& array, std::size_t count) {
  size_bytes_ = (size_bytes_ + 255) / 256 * 256;
  array.offset_bytes = size_bytes_;
  size_bytes_ += count * sizeof(T);
}

BatchLayout::BatchLayout(const BackendLimits& limits, const TransformerSpec& spec,
                         std::int32_t num_processors)
    : spec_(spec), item_tokens_(attention_tokens(spec.num_heads, spec.num_kv_heads)) {
  const std::size_t tokens = size(limits.max_tokens), segments = size(limits.max_segments);
  const std::size_t max_items = tokens / size(item_tokens_) + 2 * segments + size(limits.max_scores);
  place(ids, tokens);
  place(positions, tokens);
  place(slots, tokens);
  place(scored_rows, size(limits.max_scores));
  place(scored_positions, size(limits.max_scores));
  place(scored_tokens, spec.pooling == Pooling::kMean ? size(limits.max_scores) : 0);
  place(position_rows, spec.num_position_rows > 0 ? tokens : 0);
  place(types, spec.num_token_types > 0 ? tokens : 0);
  place(items, max_items);
  place(runs, size(limits.max_ranges) + segments);
  dealer_ = AttentionPieces(spec.num_kv_heads, num_processors, max_items);
  place(pieces, dealer_.capacity(max_items, 2));
  items_.reserve(max_items);
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
    fill_rows(batch, segment, host);
    if (segment.score == kNotScored) continue;
    scored_rows.at(host)[segment.score] = segment.first_row + scored_row(segment);
    scored_positions.at(host)[segment.score] = position + scored_row(segment);
    if (spec_.pooling == Pooling::kMean) scored_tokens.at(host)[segment.score] = segment.num_tokens;
  }
  add_items(batch, host);
}

void BatchLayout::fill_rows(const PackedBatch& batch, const Segment& segment, std::byte* host) const {
  for (std::int32_t i = 0; i < segment.num_tokens; ++i) {
    const std::int32_t row = segment.first_row + i;
    positions.at(host)[row] = segment.first_position + i;
    slots.at(host)[row] = segment.slot == kNotKept ? kNotKept : segment.slot + i;
    if (spec_.num_token_types > 0) types.at(host)[row] = i >= segment.type_border ? 1 : 0;
  }
  if (spec_.num_position_rows == 0) return;
  fill_position_rows(spec_, batch, segment,
                     {position_rows.at(host) + segment.first_row, size(segment.num_tokens)});
}

void BatchLayout::add_items(const PackedBatch& batch, std::byte* host) {
  items_.clear();
  const auto item_of = [&](std::size_t s, std::int32_t first_row, std::int32_t num_tokens,
                           std::int32_t position) {
    const Segment& segment = batch.segments[s];
    const bool is_causal = spec_.mask == Mask::kCausal;
    items_.push_back(
        {.first_row = first_row,
         .num_tokens = num_tokens,
         .position = position,
         .first_run = first_runs_[s],
         .num_runs = segment.num_ranges + 1,
         .num_keys = is_causal ? position + num_tokens : segment.first_position + segment.num_tokens,
         .unused = {}});
  };
  const auto deal = [&](std::size_t first_item, std::int32_t first) {
    const std::span<const AttentionItem> dealt = std::span(items_).subspan(first_item);
    return PieceList{
        .first = first,
        .num_turns = dealer_.deal(dealt, static_cast<std::int32_t>(first_item), pieces.at(host) + first),
        .num_blocks = dealer_.num_blocks(dealt.size())};
  };
  for (std::size_t s = 0; s < batch.segments.size(); ++s) {
    const Segment& segment = batch.segments[s];
    // Items end at tile boundaries, so that fewer rows use part of a tile.
    for (std::int32_t i = 0; i < segment.num_tokens;) {
      const std::int32_t position = segment.first_position + i;
      const std::int32_t count = std::min(item_tokens_ - position % item_tokens_, segment.num_tokens - i);
      item_of(s, segment.first_row + i, count, position);
      i += count;
    }
  }
  all_pieces_ = deal(0, 0);
  const std::size_t first_scored = items_.size();
  for (std::size_t s = 0; s < batch.segments.size(); ++s) {
    const Segment& segment = batch.segments[s];
    if (segment.score == kNotScored) continue;
    item_of(s, segment.score, 1, segment.first_position + scored_row(segment));
  }
  scored_pieces_ = deal(first_scored, all_pieces_.num_turns * all_pieces_.num_blocks);
  std::memcpy(items.at(host), items_.data(), items_.size() * sizeof(AttentionItem));
}

}  // namespace rerank::cuda
