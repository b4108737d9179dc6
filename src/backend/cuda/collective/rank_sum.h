// Sums over ranks, reproducible to the bit: who has which rows, what moves, and in which order it is added
// up. What moves it is not here.
#pragma once

#include <cstdint>

namespace rerank::cuda {

// How each rank's buffer of bfloat16 numbers is laid out for a sum of products [num_rows, hidden]: its own
// product at the start, where the sum will be, and, of three ranks and more, behind it the parts of the share
// of the rows that it adds up. An element is the ranks' numbers added in their order, in float32, and rounded
// once: neither its place nor the number of rows changes a bit.
class SumLayout {
 public:
  SumLayout(std::int32_t num_ranks, std::int32_t num_rows, std::int32_t hidden)
      : num_ranks_(num_ranks), run_(run_rows(num_ranks, num_rows) * hidden) {}

  std::int32_t num_ranks() const { return num_ranks_; }
  bool has_shares() const { return num_ranks_ > 2; }
  // Numbers of a share; of all rows where there are no shares.
  std::int64_t run() const { return run_; }
  // Where a rank has the parts of its share: of rank 0, rank 1 and so on, a run each.
  std::int64_t parts() const { return num_ranks_ * run_; }
  // Numbers of a buffer. Grows with num_rows.
  std::int64_t size() const { return has_shares() ? 2 * num_ranks_ * run_ : run_; }

 private:
  // Of shares whole eights, so that they begin at whole lines.
  static std::int64_t run_rows(std::int64_t num_ranks, std::int64_t num_rows) {
    if (num_ranks <= 2) return num_rows;
    return ((num_rows + num_ranks - 1) / num_ranks + 7) / 8 * 8;
  }

  std::int32_t num_ranks_;
  std::int64_t run_;
};

// What the ranks do together; places are those of SumLayout in each one's own buffer.
class RankGroup {
 public:
  virtual ~RankGroup() = default;

  // The first `count` numbers of both of two ranks become their sums, rounded to bfloat16.
  virtual void add_both(std::int64_t count) = 0;
  // The run at receiver * run of each comes to the receiver's place to + sender * run.
  virtual void exchange(std::int64_t run, std::int64_t to) = 0;
  // Each adds up the runs from `parts` on, one of every rank, and has the sum at rank * run.
  virtual void add(std::int64_t run, std::int64_t parts) = 0;
  // The run at rank * run of each comes to that place of all others.
  virtual void gather(std::int64_t run) = 0;
};

inline void sum_over_ranks(const SumLayout& layout, RankGroup& ranks) {
  // One addition, rounded once, which commutes: there is no order that whoever does it could change.
  if (!layout.has_shares()) return ranks.add_both(layout.run());
  ranks.exchange(layout.run(), layout.parts());
  ranks.add(layout.run(), layout.parts());
  ranks.gather(layout.run());
}

}  // namespace rerank::cuda
