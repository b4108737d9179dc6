// Metrics of known samples, and intervals of synthetic runs with known true values.
#include "load/figures.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "load/report/comparison.h"

namespace rerank::load {
namespace {

using testing::ElementsAre;

TEST(Percentile, InterpolatesBetweenTheNearestRanks) {
  const std::vector<double> values = {10, 20, 30, 40};  // numpy.percentile gives the same
  EXPECT_DOUBLE_EQ(percentile(values, 0), 10);
  EXPECT_DOUBLE_EQ(percentile(values, 25), 17.5);
  EXPECT_DOUBLE_EQ(percentile(values, 50), 25);
  EXPECT_DOUBLE_EQ(percentile(values, 90), 37);
  EXPECT_DOUBLE_EQ(percentile(values, 99), 39.7);
  EXPECT_DOUBLE_EQ(percentile(values, 100), 40);
  EXPECT_DOUBLE_EQ(percentile(std::vector<double>{5}, 99), 5);
}

TEST(Distribution, IsOfTheseValues) {
  const Distribution found = distribution_of({4, 2, 8, 6}, std::vector<double>{50, 100});
  EXPECT_DOUBLE_EQ(found.mean, 5);
  EXPECT_DOUBLE_EQ(found.standard_deviation, std::sqrt(5));
  EXPECT_DOUBLE_EQ(found.min, 2);
  EXPECT_DOUBLE_EQ(found.max, 8);
  EXPECT_DOUBLE_EQ(found.at(50), 5);
}

RunRecord record_of(const std::vector<std::int64_t>& latencies_ms) {
  RunRecord record;
  for (const std::int64_t ms : latencies_ms) {
    record.samples.push_back({.start_ns = 0,
                              .latency_ns = ms * 1'000'000,
                              .lateness_ns = 1'000,
                              .num_tokens = 100,
                              .num_documents = 20});
  }
  record.wall = std::chrono::seconds(2);
  record.cpu = std::chrono::milliseconds(1);
  return record;
}

TEST(Figures, CountAnsweredRequestsOverTheWholeTime) {
  const Figures figures =
      figures_of(record_of({10, 20, 30, 40}), {.percentiles = {99.9}, .goodput_limit_ms = 30});
  EXPECT_EQ(figures.num_completed, 4);
  EXPECT_EQ(figures.num_documents, 80);
  EXPECT_DOUBLE_EQ(figures.requests_per_second, 2);
  EXPECT_DOUBLE_EQ(figures.documents_per_second, 40);
  EXPECT_EQ(figures.num_tokens, 400);
  EXPECT_DOUBLE_EQ(*figures.tokens_per_second, 200);
  EXPECT_DOUBLE_EQ(*figures.goodput, 1.5);
  EXPECT_DOUBLE_EQ(figures.latency->mean, 25);
  std::vector<double> places;
  for (const auto& [p, value] : figures.latency->percentiles) places.push_back(p);
  EXPECT_THAT(places, ElementsAre(50, 90, 99, 99.9));
  EXPECT_DOUBLE_EQ(figures.cpu_us_per_request, 250);
}

TEST(Figures, SayNothingAboutTokensThatOneReplyDidNotCount) {
  RunRecord record = record_of({10, 20});
  record.samples[1].num_tokens = -1;
  const Figures figures = figures_of(record, {});
  EXPECT_FALSE(figures.num_tokens.has_value());
  EXPECT_FALSE(figures.tokens_per_second.has_value());
  EXPECT_FALSE(figures.goodput.has_value());
}

TEST(Figures, OfNothingAreNone) {
  const Figures figures = figures_of({}, {});
  EXPECT_EQ(figures.num_completed, 0);
  EXPECT_EQ(figures.requests_per_second, 0);
  EXPECT_FALSE(figures.latency.has_value());
}

// Four requests at a time whose latencies are lognormal, and slow or fast together for a while, as they are
// on a server.
Point synthetic_point(double mean_ms, std::uint64_t seed) {
  constexpr int kRequests = 600;
  constexpr double kCorrelation = 0.6;  // of the log latency of one and the next
  std::mt19937_64 random(seed);
  std::normal_distribution<double> normal;
  std::array<double, 4> free_at = {};
  double drift = normal(random);
  Point point;
  for (int request = 0; request < kRequests; ++request) {
    drift = kCorrelation * drift + std::sqrt(1 - kCorrelation * kCorrelation) * normal(random);
    const double latency_ms = mean_ms * std::exp(0.25 * drift + 0.1 * normal(random));
    double& slot = *std::ranges::min_element(free_at);
    point.record.samples.push_back({.start_ns = std::llround(slot * 1e6),
                                    .latency_ns = std::llround(latency_ms * 1e6),
                                    .num_tokens = 100,
                                    .num_documents = 10});
    slot += latency_ms;
  }
  point.record.wall = std::chrono::nanoseconds(std::llround(*std::ranges::max_element(free_at) * 1e6));
  point.figures = figures_of(point.record, {});
  return point;
}

TEST(Comparison, IntervalsCoverTheTruth) {
  constexpr int kPairs = 30;
  constexpr double kTruth = 1.25;  // of all latencies; of throughput its inverse
  std::map<std::string, int> covered;
  std::map<std::string, double> width;
  for (int pair = 0; pair < kPairs; ++pair) {
    const auto seed = static_cast<std::uint64_t>(pair) * 2;
    for (const Ratio& ratio :
         compare_points(synthetic_point(40, seed), synthetic_point(40 * kTruth, seed + 1))) {
      ASSERT_TRUE(ratio.has_interval) << ratio.name;
      EXPECT_LT(ratio.low, ratio.high);
      const double truth = ratio.name.ends_with("/s") ? 1 / kTruth : kTruth;
      if (ratio.low <= truth && truth <= ratio.high) ++covered[ratio.name];
      width[ratio.name] += (ratio.high - ratio.low) / kPairs;
    }
  }
  EXPECT_EQ(covered.size(), 7U);
  // 95 of 100 are expected; of 30, fewer than 25 happen by chance once in a thousand times.
  for (const auto& [name, count] : covered) EXPECT_GE(count, 25) << name;
  // And the intervals are narrow enough to be useful.
  for (const auto& [name, mean_width] : width) EXPECT_LT(mean_width, 0.6) << name;
}

TEST(Comparison, TheSameRunTwiceIsOne) {
  const Point point = synthetic_point(40, 3);
  for (const Ratio& ratio : compare_points(point, point)) {
    EXPECT_DOUBLE_EQ(ratio.ratio, 1) << ratio.name;
    EXPECT_LE(ratio.low, 1);
    EXPECT_GE(ratio.high, 1);
  }
}

TEST(Comparison, HasNoIntervalForAShortRun) {
  Point point;
  point.record = record_of({10, 20, 30});
  point.figures = figures_of(point.record, {});
  for (const Ratio& ratio : compare_points(point, point)) EXPECT_FALSE(ratio.has_interval);
}

TEST(Comparison, SetsPointsOfTheSameLoadSideBySide) {
  const auto point = [](std::int64_t concurrency, double ms) {
    Point made = synthetic_point(ms, 1);
    made.plan.concurrency = concurrency;
    made.dataset = "words";
    return made;
  };
  BenchResult first;
  first.points = {point(1, 10), point(4, 20), point(8, 30)};
  BenchResult second;
  second.points = {point(8, 60), point(1, 10), point(2, 10)};
  const Comparison comparison = compare(first, second);
  ASSERT_EQ(comparison.points.size(), 2U);
  EXPECT_EQ(comparison.points[0].load, "1 concurrent");
  EXPECT_EQ(comparison.points[1].load, "8 concurrent");
  EXPECT_NEAR(comparison.points[1].ratios.front().ratio, 0.5, 1e-6);
  EXPECT_EQ(comparison.only_in_first.size(), 1U);
  EXPECT_EQ(comparison.only_in_second.size(), 1U);
}

}  // namespace
}  // namespace rerank::load
