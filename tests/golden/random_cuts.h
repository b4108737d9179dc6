// Prompts as batches that cut them at random places: whatever the cuts, a prompt's bits are the same. For
// tests only.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "backend/packed_batch.h"

namespace rerank {

// A piece of one prompt: its tokens stand behind those of the pieces before it.
struct Piece {
  std::size_t prompt;
  std::size_t first, end;  // of the prompt's ids
  std::int32_t slot = 0;
};

// Prompts cut at random, some of their pieces in the same batch, others in later ones; every piece but the
// last is kept at a random place.
class RandomCuts {
 public:
  RandomCuts(const std::vector<std::vector<std::int32_t>>& prompts, std::uint32_t seed)
      : prompts_(prompts), random_(seed) {
    batches_.resize(1 + random_() % 3);
    std::vector<Piece*> kept;
    pieces_.resize(prompts.size());
    for (std::size_t p = 0; p < prompts.size(); ++p) {
      cut(p);
      for (std::size_t i = 0; i + 1 < pieces_[p].size(); ++i) kept.push_back(&pieces_[p][i]);
    }
    std::shuffle(kept.begin(), kept.end(), random_);
    std::int32_t slot = 0;
    for (Piece* piece : kept) {
      slot += static_cast<std::int32_t>(random_() % 5);
      piece->slot = slot;
      slot += static_cast<std::int32_t>(piece->end - piece->first);
    }
    std::vector<std::size_t> order(prompts.size());
    for (std::size_t p = 0; p < order.size(); ++p) order[p] = p;
    std::shuffle(order.begin(), order.end(), random_);
    for (const std::size_t p : order) place(p);
  }

  // scored()[b] are the prompts of the scores of batch b, in order.
  const std::vector<PackedBatch>& batches() const { return batches_; }
  const std::vector<std::vector<std::size_t>>& scored() const { return scored_; }

 private:
  void cut(std::size_t prompt) {
    const std::size_t size = prompts_[prompt].size();
    std::vector<std::size_t> cuts = {0, size};
    for (std::size_t i = random_() % 4; i > 0; --i) {
      // At the borders of key tiles too.
      cuts.push_back(random_() % 3 == 0 ? 64 % size : 1 + random_() % (size - 1));
    }
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    for (std::size_t i = 0; i + 1 < cuts.size(); ++i)
      pieces_[prompt].push_back({prompt, cuts[i], cuts[i + 1]});
  }

  void place(std::size_t prompt) {
    std::size_t at = random_() % batches_.size();
    scored_.resize(batches_.size());
    for (std::size_t i = 0; i < pieces_[prompt].size(); ++i) {
      const Piece& piece = pieces_[prompt][i];
      const bool last = i + 1 == pieces_[prompt].size();
      PackedBatch& batch = batches_[at];
      Segment segment{.first_row = batch.num_tokens(),
                      .num_tokens = static_cast<std::int32_t>(piece.end - piece.first),
                      .first_position = static_cast<std::int32_t>(piece.first),
                      .first_range = static_cast<std::int32_t>(batch.ranges.size()),
                      .num_ranges = static_cast<std::int32_t>(i)};
      for (std::size_t before = 0; before < i; ++before) {
        const Piece& parent = pieces_[prompt][before];
        batch.ranges.push_back({parent.slot, static_cast<std::int32_t>(parent.end - parent.first)});
      }
      if (last) {
        segment.score = batch.num_scores++;
        scored_[at].push_back(prompt);
      } else {
        segment.slot = piece.slot;
      }
      batch.segments.push_back(segment);
      const std::vector<std::int32_t>& ids = prompts_[prompt];
      batch.ids.insert(batch.ids.end(), ids.begin() + static_cast<std::ptrdiff_t>(piece.first),
                       ids.begin() + static_cast<std::ptrdiff_t>(piece.end));
      if (!last && at + 1 < batches_.size()) at += random_() % (batches_.size() - at);
    }
  }

  const std::vector<std::vector<std::int32_t>>& prompts_;
  std::mt19937 random_;
  std::vector<std::vector<Piece>> pieces_;  // [prompts]
  std::vector<PackedBatch> batches_;
  std::vector<std::vector<std::size_t>> scored_;
};

}  // namespace rerank
