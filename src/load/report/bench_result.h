// The outcome of `rerank bench`: points of a sweep and where they were measured. What files it is kept in is
// for result_file.h.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "load/figures.h"
#include "load/load_run.h"

namespace rerank::load {

// Things said about a machine or a target, by name, in the order they are shown.
using Facts = std::vector<std::pair<std::string, std::string>>;

// One load on one kind of request.
struct Point {
  LoadPlan plan;
  std::string dataset;
  std::int64_t docs_per_request = 0;  // 0: it varies
  std::int64_t query_words = 0;       // 0: it varies, or is not known
  std::int64_t document_words = 0;    // the same
  std::int64_t num_distinct = 0;      // requests; they were sent again when these were used up
  std::vector<double> percentiles = {50, 90, 99};
  RunRecord record;
  Figures figures;
};

struct BenchResult {
  std::string created;  // 2026-11-23T13:20:00Z
  std::string version;  // of this program
  std::string label;    // what people call it; may be empty
  std::vector<std::string> command;
  Facts machine;
  Facts target;
  Facts metadata;  // as given by --metadata
  std::vector<Point> points;
};

// "8 at a time", "100/s", "100/s, 8 at a time at most", "all at once".
std::string load_text(const LoadPlan& plan);
// "20 documents of 100 words"; empty: it varies.
std::string shape_text(const Point& point);
// Equal for two points exactly when the same was asked of both.
std::string point_key(const Point& point);

// Processor, cores this process may use, memory and kernel of the machine this runs on.
Facts this_machine();

}  // namespace rerank::load
