// The figures of a run, from what became of each of its requests. How each is defined stands in
// docs/benchmarking.md.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "load/load_run.h"

namespace rerank::load {

// The p-th percentile of values in ascending order, by linear interpolation between the two nearest ranks:
// with n values the one at place p / 100 * (n - 1), counted from 0. REQUIRES: there are values; 0 <= p <=
// 100.
double percentile(std::span<const double> sorted, double p);

// Of values in milliseconds.
struct Distribution {
  double mean = 0;
  double standard_deviation = 0;  // of these values, not an estimate from them
  double min = 0;
  double max = 0;
  std::vector<std::pair<double, double>> percentiles;  // (p, value), by ascending p

  // REQUIRES: p is among the percentiles.
  double at(double p) const;
};

// REQUIRES: there are values.
Distribution distribution_of(std::vector<double> values, std::span<const double> percentiles);

struct FigureOptions {
  std::vector<double> percentiles = {50, 90, 99};  // these three are always there
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
  // Only when the target said so for every request that was answered.
  std::optional<std::int64_t> num_tokens;
  std::optional<double> tokens_per_second;
  double goodput_limit_ms = 0;           // 0: none was asked for
  std::optional<double> goodput;         // requests a second that were answered within the limit
  std::optional<Distribution> latency;   // none when nothing was answered
  std::optional<Distribution> lateness;  // of the generator
  double cpu_us_per_request = 0;         // of this process
  double cpu_share = 0;                  // of one core
};

Figures figures_of(const RunRecord& record, const FigureOptions& options);

}  // namespace rerank::load
