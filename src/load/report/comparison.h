// Two results side by side: how much faster or slower the second is, and how sure that is.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "load/report/bench_result.h"

namespace rerank::load {

// One figure of a point in both results.
struct Ratio {
  std::string name;  // "documents/s", "p99 latency ms"
  double first = 0;
  double second = 0;
  double ratio = 0;  // second / first
  // The interval that covers the true ratio in about 95 of 100 cases; only if `has_interval`.
  double low = 0;
  double high = 0;
  bool has_interval = false;
};

struct ComparedPoint {
  std::string load;   // load_text
  std::string shape;  // shape_text
  std::vector<Ratio> ratios;
};

struct Comparison {
  std::vector<ComparedPoint> points;       // what was measured in both, in the order of the first
  std::vector<std::string> only_in_first;  // point_key
  std::vector<std::string> only_in_second;
};

// The intervals come from a bootstrap over blocks of time: requests that ran together waited for each other,
// so that single ones must not be drawn as if they were independent; blocks a few latencies long nearly are.
// The same input gives the same intervals. There are none for runs too short to be cut into ten blocks.
Comparison compare(const BenchResult& first, const BenchResult& second);

// The ratios of one point. REQUIRES: both have samples.
std::vector<Ratio> compare_points(const Point& first, const Point& second);

}  // namespace rerank::load
