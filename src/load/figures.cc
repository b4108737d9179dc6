#include "load/figures.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "rerank/error.h"

namespace rerank::load {
namespace {

constexpr double kAlways[] = {50, 90, 99};

std::vector<double> with_usual(std::vector<double> percentiles) {
  for (const double p : percentiles) {
    require(p >= 0 && p <= 100, "a percentile must be between 0 and 100");
  }
  percentiles.insert(percentiles.end(), std::begin(kAlways), std::end(kAlways));
  std::ranges::sort(percentiles);
  percentiles.erase(std::unique(percentiles.begin(), percentiles.end()), percentiles.end());
  return percentiles;
}

std::vector<double> milliseconds(const RunRecord& record, std::int64_t Sample::*field) {
  std::vector<double> values;
  values.reserve(record.samples.size());
  for (const Sample& sample : record.samples) values.push_back(static_cast<double>(sample.*field) / 1e6);
  return values;
}

void add_rates(const RunRecord& record, Figures& figures) {
  bool all_say_tokens = !record.samples.empty();
  std::int64_t num_tokens = 0;
  std::int64_t num_good = 0;
  for (const Sample& sample : record.samples) {
    figures.num_documents += sample.num_documents;
    all_say_tokens = all_say_tokens && sample.num_tokens >= 0;
    num_tokens += sample.num_tokens;
    if (static_cast<double>(sample.latency_ns) <= figures.goodput_limit_ms * 1e6) ++num_good;
  }
  const auto per_second = [&figures](std::int64_t count) {
    return figures.seconds > 0 ? static_cast<double>(count) / figures.seconds : 0;
  };
  figures.requests_per_second = per_second(figures.num_completed);
  figures.documents_per_second = per_second(figures.num_documents);
  if (all_say_tokens) {
    figures.num_tokens = num_tokens;
    figures.tokens_per_second = per_second(num_tokens);
  }
  if (figures.goodput_limit_ms > 0) figures.goodput = per_second(num_good);
}

}  // namespace

double percentile(std::span<const double> sorted, double p) {
  check(!sorted.empty() && p >= 0 && p <= 100, "a percentile of no values");
  const double place = p / 100 * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  if (below + 1 >= sorted.size()) return sorted.back();
  return sorted[below] + (place - static_cast<double>(below)) * (sorted[below + 1] - sorted[below]);
}

double Distribution::at(double p) const {
  const auto found = std::ranges::find(percentiles, p, &std::pair<double, double>::first);
  check(found != percentiles.end(), "a percentile that was not computed");
  return found->second;
}

Distribution distribution_of(std::vector<double> values, std::span<const double> percentiles) {
  check(!values.empty(), "a distribution of no values");
  std::ranges::sort(values);
  Distribution found;
  const auto count = static_cast<double>(values.size());
  found.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  double squares = 0;
  for (const double value : values) squares += (value - found.mean) * (value - found.mean);
  found.standard_deviation = std::sqrt(squares / count);
  found.min = values.front();
  found.max = values.back();
  for (const double p : percentiles) found.percentiles.emplace_back(p, percentile(values, p));
  return found;
}

Figures figures_of(const RunRecord& record, const FigureOptions& options) {
  Figures figures;
  figures.num_completed = static_cast<std::int64_t>(record.samples.size());
  for (const auto& [name, tally] : record.failures) figures.num_failed += tally.count;
  figures.num_aborted = record.num_aborted;
  figures.max_in_flight = record.max_in_flight;
  figures.seconds = std::chrono::duration<double>(record.wall).count();
  figures.goodput_limit_ms = options.goodput_limit_ms;
  add_rates(record, figures);
  if (!record.samples.empty()) {
    const std::vector<double> percentiles = with_usual(options.percentiles);
    figures.latency = distribution_of(milliseconds(record, &Sample::latency_ns), percentiles);
    figures.lateness = distribution_of(milliseconds(record, &Sample::lateness_ns), percentiles);
  }
  const double cpu = std::chrono::duration<double>(record.cpu).count();
  const std::int64_t num_ended = figures.num_completed + figures.num_failed;
  if (num_ended > 0) figures.cpu_us_per_request = cpu * 1e6 / static_cast<double>(num_ended);
  if (figures.seconds > 0) figures.cpu_share = cpu / figures.seconds;
  return figures;
}

}  // namespace rerank::load
