#include "base/best_first.h"

#include <gtest/gtest.h>

namespace rerank {
namespace {

TEST(BestFirst, KeepsTheOrderOfEqualScores) {
  using Scores = std::vector<float>;
  EXPECT_EQ(best_first(Scores{0.5F, 0.9F, 0.5F, 0.1F}, 0), (std::vector<std::size_t>{1, 0, 2, 3}));
  EXPECT_EQ(best_first(Scores{0.5F, 0.9F, 0.5F, 0.1F}, 2), (std::vector<std::size_t>{1, 0}));
  EXPECT_EQ(best_first(Scores{0.5F}, 9), (std::vector<std::size_t>{0}));
}

}  // namespace
}  // namespace rerank
