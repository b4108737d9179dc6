// Score functions: the sigmoid of the logit by default, or what a model declares.
#include "prompt/score_function.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace rerank {
namespace {

TEST(ScoreFunction, IsTheSigmoidOfTheLogit) {
  const ScoreFunction score;
  EXPECT_EQ(score(0), 0.5f);
  for (float logit = -60; logit <= 60; logit += 0.37f) {
    const double wanted = 1 / (1 + std::exp(-double{logit}));
    EXPECT_NEAR(score(logit) / wanted, 1, 1e-6) << logit;
    EXPECT_NEAR(double{score(logit)} + score(-logit), 1, 1e-7) << logit;
  }
}

TEST(ScoreFunction, StaysInRangeAtTheEnds) {
  const ScoreFunction score;
  for (const float logit :
       {200.0f, std::numeric_limits<float>::max(), std::numeric_limits<float>::infinity()}) {
    EXPECT_EQ(score(logit), 1.0f);
    EXPECT_EQ(score(-logit), 0.0f);
  }
  EXPECT_GT(score(-80), 0.0f);
}

TEST(ScoreFunction, GrowsWithTheLogit) {
  const ScoreFunction score;
  float before = 0;
  for (float logit = -80; logit <= 80; logit += 0.05f) {
    const float now = score(logit);
    ASSERT_GE(now, before) << logit;
    before = now;
  }
}

TEST(ScoreFunction, ShiftsAndScales) {
  const ScoreFunction plain;
  EXPECT_EQ((ScoreFunction{true, 4.5f, 1}(6)), plain(1.5f));
  EXPECT_EQ((ScoreFunction{true, 0, 5}(10)), plain(2));
  EXPECT_EQ((ScoreFunction{true, 1, 4}(9)), plain(2));
  EXPECT_EQ((ScoreFunction{false, 0, 1}(-7.25f)), -7.25f);
  EXPECT_EQ((ScoreFunction{false, 1, 2}(7)), 3.0f);
}

TEST(ScoreFunction, IsShownAsAFormula) {
  EXPECT_EQ(ScoreFunction().text(), "sigmoid(logit)");
  EXPECT_EQ((ScoreFunction{false, 0, 1}.text()), "logit");
  EXPECT_EQ((ScoreFunction{true, 4.5f, 1}.text()), "sigmoid(logit - 4.5)");
  EXPECT_EQ((ScoreFunction{true, -4.5f, 1}.text()), "sigmoid(logit + 4.5)");
  EXPECT_EQ((ScoreFunction{true, 0, 5}.text()), "sigmoid(logit / 5)");
  EXPECT_EQ((ScoreFunction{true, 1, 4}.text()), "sigmoid((logit - 1) / 4)");
  EXPECT_EQ((ScoreFunction{false, 0, 1.5f}.text()), "logit / 1.5");
}

}  // namespace
}  // namespace rerank
