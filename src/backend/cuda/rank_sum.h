// Sums over ranks, reproducible to the bit: who has which rows, what moves, and in which order it is added
// up. What moves it is not here.
#pragma once

#include <cstdint>

namespace rerank::cuda {

// How each rank's buffer of bfloat16 numbers is laid out for a sum of products [num_rows, hidden]. Of two
// ranks each gets the other's product, and adds where it needs the sum: that moves no more than shares would.
// Of more, each adds up a share of the rows and gets the others' sums. Either way an element is the ranks'
// numbers added in their order, in float32, and rounded once: neither its place nor the number of rows
// changes a bit.
class SumLayout {
 public:
  SumLayout(std::int32_t num_ranks, std::int32_t num_rows, std::int32_t hidden)
      : num_ranks_(num_ranks), run_(run_rows(num_ranks, num_rows) * hidden) {}

  std::int32_t num_ranks() const { return num_ranks_; }
  bool has_shares() const { return num_ranks_ > 2; }
  // Numbers that go from one rank to another at a time: a product, or a share of one. A multiple of 128, as
  // cuBLASLt's results want it, if hidden is one of 16.
  std::int64_t run() const { return run_; }
  // Where a rank's product starts in its buffer.
  std::int64_t product(std::int32_t rank) const { return has_shares() ? 0 : rank * run_; }
  // Where a rank has the parts of its share: of rank 0, rank 1 and so on, a run each.
  std::int64_t parts() const { return num_ranks_ * run_; }
  // Numbers of a buffer. Grows with num_rows.
  std::int64_t size() const { return (has_shares() ? 2 : 1) * num_ranks_ * run_; }
  // What stands at the buffer's start in the end: so many parts, a run each, still to be added up in order.
  std::int32_t num_left() const { return has_shares() ? 1 : num_ranks_; }

 private:
  static std::int64_t run_rows(std::int64_t num_ranks, std::int64_t num_rows) {
    const std::int64_t rows = num_ranks > 2 ? (num_rows + num_ranks - 1) / num_ranks : num_rows;
    return (rows + 7) / 8 * 8;
  }

  std::int32_t num_ranks_;
  std::int64_t run_;
};

// What the ranks do together; places are those of SumLayout in each one's own buffer.
class RankGroup {
 public:
  virtual ~RankGroup() = default;

  // The run at rank * run of each comes to that place of all others.
  virtual void gather(std::int64_t run) = 0;
  // The run at receiver * run of each comes to the receiver's place to + sender * run.
  virtual void exchange(std::int64_t run, std::int64_t to) = 0;
  // Each adds up the runs from `parts` on, one of every rank, and has the sum at rank * run.
  virtual void add(std::int64_t run, std::int64_t parts) = 0;
};

inline void sum_over_ranks(const SumLayout& layout, RankGroup& ranks) {
  if (layout.has_shares()) {
    ranks.exchange(layout.run(), layout.parts());
    ranks.add(layout.run(), layout.parts());
  }
  ranks.gather(layout.run());
}

}  // namespace rerank::cuda
