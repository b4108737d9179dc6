// The diagrams of the report: curves of latency and throughput, histograms of latencies.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "load/report/bench_result.h"

namespace rerank::load {

// Points of one result and one kind of request, with answers, by growing load.
struct Series {
  std::string name;
  int style = 0;
  bool is_open = false;
  std::vector<const Point*> points;
};

// The results outlive them.
std::vector<Series> series_of(std::span<const BenchResult> results);

// Each is a section of the page; empty where there is nothing to draw.
std::string curves_section(const std::vector<Series>& all);
std::string histograms_section(const std::vector<Series>& all);

// With three digits that count, as far as there are that many before the point.
std::string fixed_number(double number);
// The same, a large one with commas.
std::string rate_text(double number);

}  // namespace rerank::load
