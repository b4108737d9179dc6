// Computes the metrics of a run from the outcomes of its requests. docs/benchmarking.md defines them.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "load/load_run.h"

namespace rerank::load {

// The p-th percentile of values in ascending order, interpolated linearly between the two nearest ranks: of n
// values the one at position p / 100 * (n - 1), counted from 0. REQUIRES: at least one value; 0 <= p <= 100.
double percentile(std::span<const double> sorted, double p);

// Of values in milliseconds.
struct Distribution {
  double mean = 0;
  double standard_deviation = 0;  // of the population, not an estimate
  double min = 0;
  double max = 0;
  std::vector<std::pair<double, double>> percentiles;  // (p, value), in ascending order

  // REQUIRES: p is one of the percentiles.
  double at(double p) const;
};

// REQUIRES: at least one value.
Distribution distribution_of(std::vector<double> values, std::span<const double> percentiles);

struct FigureOptions {
  std::vector<double> percentiles = {50, 90, 99};  // always includes these three
  double goodput_limit_ms = 0;                     // 0: none
};

struct Figures {
  std::int64_t num_completed = 0;
  std::int64_t num_failed = 0;
  std::int64_t num_aborted = 0;
  std::int64_t num_documents = 0;
  std::int64_t max_in_flight = 0;
  double seconds = 0;
  double requests_per_second = 0;
  double documents_per_second = 0;
  // Only if the target reported it for every successful request.
  std::optional<std::int64_t> num_tokens;
  std::optional<double> tokens_per_second;
  double goodput_limit_ms = 0;           // 0: none
  std::optional<double> goodput;         // successful requests per second within the limit
  std::optional<Distribution> latency;   // empty if no request succeeded
  std::optional<Distribution> lateness;  // of the generator
  double cpu_us_per_request = 0;         // of this process
  double cpu_share = 0;                  // of one core
};

Figures figures_of(const RunRecord& record, const FigureOptions& options);

}  // namespace rerank::load
