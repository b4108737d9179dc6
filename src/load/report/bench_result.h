// The result of `rerank bench`: the points of a sweep and where they were measured. result_file.h reads and
// writes them.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "load/figures.h"
#include "load/load_run.h"

namespace rerank::load {

// Properties of a machine or a target by name, in display order.
using Facts = std::vector<std::pair<std::string, std::string>>;

// One load and one shape of requests.
struct Point {
  LoadPlan plan;
  std::string dataset;
  std::int64_t docs_per_request = 0;  // 0: it varies
  std::int64_t query_words = 0;       // 0: it varies or is unknown
  std::int64_t document_words = 0;    // the same
  std::int64_t num_distinct = 0;      // distinct requests; they are repeated when all were sent
  std::vector<double> percentiles = {50, 90, 99};
  RunRecord record;
  Figures figures;
};

struct BenchResult {
  std::string created;  // 2026-11-23T13:20:00Z
  std::string version;  // of this program
  std::string label;    // chosen by the user; may be empty
  std::vector<std::string> command;
  Facts machine;
  Facts target;
  Facts metadata;  // as given by --metadata
  std::vector<Point> points;
};

// "8 concurrent", "100/s", "100/s, at most 8 concurrent", "all at once".
std::string load_text(const LoadPlan& plan);
// "20 documents of 100 words"; empty: it varies.
std::string shape_text(const Point& point);
// Equal for two points exactly if they were measured with the same load and requests.
std::string point_key(const Point& point);

// Processor, available cores, memory and kernel of this machine.
Facts this_machine();

}  // namespace rerank::load
