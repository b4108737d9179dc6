// A PackedBatch as flat arrays for the kernels, in one block of memory that is copied at once.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/backend.h"
#include "backend/cuda/attention_items.h"
#include "backend/cuda/attention_pieces.h"
#include "backend/packed_batch.h"

namespace rerank::cuda {

// The pieces of attention: for all rows, or only for the scored ones.
struct PieceList {
  std::int32_t first = 0;
  std::int32_t num_turns = 0;
  std::int32_t num_blocks = 0;
};

// The position and the used size of each array in the block; the layout is the same on host and device.
class BatchLayout {
 public:
  BatchLayout() = default;
  // `spec` is that of one rank.
  BatchLayout(const BackendLimits& limits, const TransformerSpec& spec, std::int32_t num_processors);

  std::size_t size_bytes() const { return size_bytes_; }
  // Fills the block at `host`. REQUIRES: the batch is within the limits.
  void fill(const PackedBatch& batch, std::byte* host);

  std::int32_t num_tokens() const { return num_tokens_; }
  std::int32_t num_scores() const { return num_scores_; }
  PieceList all_pieces() const { return all_pieces_; }
  PieceList scored_pieces() const { return scored_pieces_; }

  template <typename T>
  struct Array {
    std::size_t offset_bytes = 0;
    T* at(std::byte* block) const { return reinterpret_cast<T*>(block + offset_bytes); }
  };
  Array<std::int32_t> ids;               // [num_tokens]
  Array<std::int32_t> positions;         // [num_tokens]
  Array<std::int32_t> slots;             // [num_tokens]; kNotKept: not kept
  Array<std::int32_t> scored_rows;       // [num_scores]: the last of each prompt, or the first
  Array<std::int32_t> scored_positions;  // [num_scores]
  Array<std::int32_t> scored_tokens;     // [num_scores], of the segment; for mean pooling
  Array<std::int32_t> position_rows;     // [num_tokens], for learned positions
  Array<std::int32_t> types;             // [num_tokens], if there are token types
  Array<AttentionItem> items;
  Array<KeyRun> runs;
  Array<std::int32_t> pieces;

 private:
  template <typename T>
  void place(Array<T>& array, std::size_t count);
  void fill_rows(const PackedBatch& batch, const Segment& segment, std::byte* host) const;
  void add_items(const PackedBatch& batch, std::byte* host);
  // The row of a segment that is scored.
  std::int32_t scored_row(const Segment& segment) const {
    return spec_.pooling == Pooling::kLast ? segment.num_tokens - 1 : 0;
  }

  TransformerSpec spec_;

  std::int32_t item_tokens_ = 0;
  std::size_t size_bytes_ = 0;
  std::int32_t num_tokens_ = 0;
  std::int32_t num_scores_ = 0;
  PieceList all_pieces_, scored_pieces_;
  AttentionPieces dealer_;
  std::vector<AttentionItem> items_;  // allocated once
  std::vector<std::int32_t> first_runs_;
};

}  // namespace rerank::cuda
