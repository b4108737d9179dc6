// The diagrams of the report: curves of latency and throughput, latency histograms.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "load/report/bench_result.h"

namespace rerank::load {

// The points of one result and one shape of requests that have samples, by increasing load.
struct Series {
  std::string name;
  int style = 0;
  bool is_open = false;
  std::vector<const Point*> points;
};

// The results must outlive them.
std::vector<Series> series_of(std::span<const BenchResult> results);

// Each returns a section of the page; empty if there is nothing to draw.
std::string curves_section(const std::vector<Series>& all);
std::string histograms_section(const std::vector<Series>& all);

// With three significant digits, but all digits before the decimal point.
std::string fixed_number(double number);
// The same with thousands separators.
std::string rate_text(double number);

}  // namespace rerank::load
