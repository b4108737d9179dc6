// Compares two results: how much faster or slower the second one is, with confidence intervals.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "load/report/bench_result.h"

namespace rerank::load {

// One metric of a point that is in both results.
struct Ratio {
  std::string name;  // "documents/s", "p99 latency ms"
  double first = 0;
  double second = 0;
  double ratio = 0;  // second / first
  // The 95% confidence interval of the ratio; only if `has_interval`.
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
  std::vector<ComparedPoint> points;       // in both results, in the order of the first
  std::vector<std::string> only_in_first;  // point_key
  std::vector<std::string> only_in_second;
};

// The intervals come from a bootstrap over blocks of time: concurrent requests wait for each other and are
// not independent, while blocks of a few latencies nearly are. The same input gives the same intervals. Runs
// too short for ten blocks have none.
Comparison compare(const BenchResult& first, const BenchResult& second);

// The ratios at one point. REQUIRES: both have samples.
std::vector<Ratio> compare_points(const Point& first, const Point& second);

}  // namespace rerank::load
