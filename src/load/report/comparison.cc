#include "load/report/comparison.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <random>

#include "load/figures.h"

namespace rerank::load {
namespace {

constexpr std::size_t kFewestBlocks = 10;
constexpr std::size_t kMostBlocks = 60;
constexpr double kLatenciesInBlock = 3;  // of the 90th percentile
constexpr double kRequestsInBlock = 3;   // on average, at least
constexpr int kResamples = 1000;
constexpr double kTail = 2.5;  // percent outside each end of the interval

// The compared metrics, in order.
enum Measure { kRequestRate, kDocumentRate, kTokenRate, kMean, kMedian, kP90, kP99, kNumMeasures };
using Measures = std::array<double, kNumMeasures>;
constexpr std::array<const char*, kNumMeasures> kNames = {
    "requests/s",        "documents/s",    "tokens/s",      "mean latency ms",
    "median latency ms", "p90 latency ms", "p99 latency ms"};

// A run divided into blocks of equal time; a request belongs to the block in which it completed.
class BlockedRun {
 public:
  explicit BlockedRun(const Point& point) : seconds_(point.figures.seconds) {
    const std::vector<Sample>& samples = point.record.samples;
    const double latency_seconds = point.figures.latency->at(90) / 1000;
    const double by_time = seconds_ / std::max(1e-9, kLatenciesInBlock * latency_seconds);
    const double by_count = static_cast<double>(samples.size()) / kRequestsInBlock;
    const double blocks = std::min({by_time, by_count, static_cast<double>(kMostBlocks)});
    num_blocks_ = blocks < kFewestBlocks ? 0 : static_cast<std::size_t>(blocks);
    if (num_blocks_ == 0) return;
    totals_.resize(num_blocks_);
    for (const Sample& sample : samples) {
      const double end = static_cast<double>(sample.start_ns + sample.latency_ns) / 1e9 / seconds_;
      const auto block =
          static_cast<std::size_t>(std::clamp(end, 0.0, 1.0) * static_cast<double>(num_blocks_));
      entries_.push_back({static_cast<double>(sample.latency_ns) / 1e6, std::min(block, num_blocks_ - 1)});
      Totals& totals = totals_[entries_.back().block];
      totals.requests += 1;
      totals.documents += static_cast<double>(sample.num_documents);
      totals.tokens += static_cast<double>(std::max<std::int64_t>(0, sample.num_tokens));
    }
    std::ranges::sort(entries_, {}, &Entry::latency_ms);
  }

  bool is_long_enough() const { return num_blocks_ > 0; }
  std::size_t num_blocks() const { return num_blocks_; }

  // Computed from as many blocks as there are, drawn at random.
  Measures resample(std::mt19937_64& random) {
    weights_.assign(num_blocks_, 0);
    for (std::size_t draw = 0; draw < num_blocks_; ++draw) ++weights_[random() % num_blocks_];
    Measures found = {};
    for (std::size_t block = 0; block < num_blocks_; ++block) {
      found[kRequestRate] += weights_[block] * totals_[block].requests / seconds_;
      found[kDocumentRate] += weights_[block] * totals_[block].documents / seconds_;
      found[kTokenRate] += weights_[block] * totals_[block].tokens / seconds_;
    }
    add_latencies(found);
    return found;
  }

 private:
  struct Entry {
    double latency_ms;
    std::size_t block;
  };
  struct Totals {
    double requests = 0;
    double documents = 0;
    double tokens = 0;
  };

  void add_latencies(Measures& found) const {
    const double count = found[kRequestRate] * seconds_;
    double sum = 0;
    double passed = 0;
    static constexpr std::array<std::pair<Measure, double>, 3> kPlaces = {
        {{kMedian, 0.5}, {kP90, 0.9}, {kP99, 0.99}}};
    std::size_t place = 0;
    for (const Entry& entry : entries_) {
      const double weight = weights_[entry.block];
      sum += weight * entry.latency_ms;
      passed += weight;
      // `passed` counts the values so far: the one at position n is reached when it exceeds n.
      while (place < kPlaces.size() && passed > kPlaces[place].second * (count - 1)) {
        found[kPlaces[place++].first] = entry.latency_ms;
      }
    }
    found[kMean] = count > 0 ? sum / count : 0;
  }

  double seconds_;
  std::size_t num_blocks_ = 0;
  std::vector<Entry> entries_;   // in order of latency
  std::vector<Totals> totals_;   // [num_blocks_]
  std::vector<double> weights_;  // [num_blocks_], of the current resample
};

Measures measured(const Figures& figures) {
  Measures found = {};
  found[kRequestRate] = figures.requests_per_second;
  found[kDocumentRate] = figures.documents_per_second;
  found[kTokenRate] = figures.tokens_per_second.value_or(0);
  found[kMean] = figures.latency->mean;
  found[kMedian] = figures.latency->at(50);
  found[kP90] = figures.latency->at(90);
  found[kP99] = figures.latency->at(99);
  return found;
}

// Drawing k blocks with replacement has (k - 1) / k of the variance.
double widened(double value, double centre, double num_blocks) {
  return centre + (value - centre) * std::sqrt(num_blocks / (num_blocks - 1));
}

void add_intervals(std::vector<Ratio>& ratios, BlockedRun first, BlockedRun second) {
  std::mt19937_64 random(20'260'101);
  std::array<std::vector<double>, kNumMeasures> logs;
  for (int draw = 0; draw < kResamples; ++draw) {
    const Measures a = first.resample(random);
    const Measures b = second.resample(random);
    for (std::size_t measure = 0; measure < kNumMeasures; ++measure) {
      if (a[measure] > 0 && b[measure] > 0) logs[measure].push_back(std::log(b[measure] / a[measure]));
    }
  }
  const auto num_blocks = static_cast<double>(std::min(first.num_blocks(), second.num_blocks()));
  for (Ratio& ratio : ratios) {
    const auto measure = static_cast<std::size_t>(std::ranges::find(kNames, ratio.name) - kNames.begin());
    std::vector<double>& found = logs[measure];
    if (found.size() < static_cast<std::size_t>(kResamples) / 2) continue;
    std::ranges::sort(found);
    const double centre = std::log(ratio.ratio);
    ratio.low = std::exp(widened(percentile(found, kTail), centre, num_blocks));
    ratio.high = std::exp(widened(percentile(found, 100 - kTail), centre, num_blocks));
    ratio.has_interval = true;
  }
}

}  // namespace

std::vector<Ratio> compare_points(const Point& first, const Point& second) {
  const Measures a = measured(first.figures);
  const Measures b = measured(second.figures);
  std::vector<Ratio> ratios;
  for (std::size_t measure = 0; measure < kNumMeasures; ++measure) {
    if (a[measure] <= 0 || b[measure] <= 0) continue;
    ratios.push_back({.name = kNames[measure],
                      .first = a[measure],
                      .second = b[measure],
                      .ratio = b[measure] / a[measure]});
  }
  BlockedRun first_run(first);
  BlockedRun second_run(second);
  if (first_run.is_long_enough() && second_run.is_long_enough()) {
    add_intervals(ratios, std::move(first_run), std::move(second_run));
  }
  return ratios;
}

Comparison compare(const BenchResult& first, const BenchResult& second) {
  Comparison comparison;
  std::vector<bool> is_matched(second.points.size(), false);
  for (const Point& point : first.points) {
    std::size_t other = 0;
    while (other < second.points.size() &&
           (is_matched[other] || point_key(second.points[other]) != point_key(point))) {
      ++other;
    }
    if (other == second.points.size()) {
      comparison.only_in_first.push_back(point_key(point));
      continue;
    }
    is_matched[other] = true;
    ComparedPoint compared = {load_text(point.plan), shape_text(point), {}};
    if (point.figures.latency && second.points[other].figures.latency) {
      compared.ratios = compare_points(point, second.points[other]);
    }
    comparison.points.push_back(std::move(compared));
  }
  for (std::size_t other = 0; other < second.points.size(); ++other) {
    if (!is_matched[other]) comparison.only_in_second.push_back(point_key(second.points[other]));
  }
  return comparison;
}

}  // namespace rerank::load
