// Scores a stream of pairs in order, with a bounded number of them in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/rerank/commands/scorer.h"
#include "apps/rerank/flags/engine_flags.h"
#include "apps/rerank/input/pair_reader.h"

namespace rerank::cli {

// Consecutive pairs with the same query and instruction become one request, so that what they share is
// computed once. Single-threaded; the scorer works meanwhile.
class PairScorer {
 public:
  using Emit = std::function<void(const DocumentScore&)>;

  // `emit` is called once for each pair, in order, from add, settle and finish. `input` is named in messages.
  // Both references must outlive the scorer.
  PairScorer(Scorer& scorer, const RequestFlags& flags, const LineReader& input, Emit emit);

  // May wait until earlier pairs are done. Throws Error naming file and line of the first pair that is
  // refused, after emitting those before it; Interrupted.
  void add(Pair pair);
  // Starts what waits for company, and waits until all pairs are done or `stop` says so. Throws as add does.
  void settle(const std::function<bool()>& stop);
  void finish() {
    settle([] { return false; });
  }

 private:
  struct Group {
    Request request;  // kept: a refused one is repeated pair by pair
    std::vector<std::int64_t> line_numbers;
    std::size_t num_bytes = 0;
    std::unique_ptr<PendingScores> pending;
  };

  bool belongs_to_open_group(const Pair& pair) const;
  void start_open_group();
  void emit_oldest_group();
  void find_refused_pair(const Group& group);
  Request request_for(const Pair& pair) const;

  Scorer& scorer_;
  const RequestFlags& flags_;
  const LineReader& input_;
  Emit emit_;
  std::size_t max_pairs_;  // in memory
  std::unique_ptr<Group> open_group_;
  std::deque<std::unique_ptr<Group>> running_;
  std::size_t num_pairs_ = 0;  // in memory
  std::size_t num_bytes_ = 0;  // of their texts
};

}  // namespace rerank::cli
