// Sums over ranks, reproducible to the bit: which rank has which rows, what is transferred, and in which
// order it is added. The transfer itself is in collective.h.
#pragma once

#include <cstdint>

namespace rerank::cuda {

// The layout of each rank's bfloat16 buffer for a sum of products [num_rows, hidden]: first its own product,
// to be replaced by the sum; with three ranks or more it is followed by the parts of the share of rows that
// this rank adds up. Each element is the sum of the ranks' values in rank order, in float32, rounded once:
// neither its position nor the number of rows changes a bit.
class SumLayout {
 public:
  SumLayout(std::int32_t num_ranks, std::int32_t num_rows, std::int32_t hidden)
      : num_ranks_(num_ranks), run_(run_rows(num_ranks, num_rows) * hidden) {}

  std::int32_t num_ranks() const { return num_ranks_; }
  bool has_shares() const { return num_ranks_ > 2; }
  // Values in a share; or in all rows if there are no shares.
  std::int64_t run() const { return run_; }
  // Where a rank stores the parts of its share: those of rank 0, rank 1 and so on, one run each.
  std::int64_t parts() const { return num_ranks_ * run_; }
  // Values in a buffer. Grows with num_rows.
  std::int64_t size() const { return has_shares() ? 2 * num_ranks_ * run_ : run_; }

 private:
  // Shares have a multiple of eight rows, so that they begin at whole cache lines.
  static std::int64_t run_rows(std::int64_t num_ranks, std::int64_t num_rows) {
    if (num_ranks <= 2) return num_rows;
    return ((num_rows + num_ranks - 1) / num_ranks + 7) / 8 * 8;
  }

  std::int32_t num_ranks_;
  std::int64_t run_;
};

// Operations of all ranks together; positions are those of SumLayout in each rank's buffer.
class RankGroup {
 public:
  virtual ~RankGroup() = default;

  // Replaces the first `count` values of both of two ranks by their sums, rounded to bfloat16.
  virtual void add_both(std::int64_t count) = 0;
  // Copies each rank's run at receiver * run to `to` + sender * run of the receiver.
  virtual void exchange(std::int64_t run, std::int64_t to) = 0;
  // Each rank adds up the runs from `parts` on, one per rank, and stores the sum at rank * run.
  virtual void add(std::int64_t run, std::int64_t parts) = 0;
  // Copies each rank's run at rank * run to the same position of all others.
  virtual void gather(std::int64_t run) = 0;
};

inline void sum_over_ranks(const SumLayout& layout, RankGroup& ranks) {
  // A single addition, rounded once, is commutative, so its order does not matter.
  if (!layout.has_shares()) return ranks.add_both(layout.run());
  ranks.exchange(layout.run(), layout.parts());
  ranks.add(layout.run(), layout.parts());
  ranks.gather(layout.run());
}

}  // namespace rerank::cuda
