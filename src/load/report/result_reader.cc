// result_file.h: reading. The metrics are computed again from the requests, so that a file cannot contradict
// itself.
#include <fmt/format.h>

#include <limits>
#include <optional>

#include "base/files/whole_file.h"
#include "base/shown_text.h"
#include "load/report/result_file.h"
#include "rerank/error.h"
#include "text/json_view.h"

namespace rerank::load {
namespace {

constexpr std::size_t kMaxResultBytes = std::size_t{256} << 20;

// Files are untrusted: the limits keep computations in range.
constexpr std::int64_t kMostMicroseconds = 4'000'000'000'000;  // 46 days
constexpr std::int64_t kMostCount = 10'000'000'000;
constexpr double kLeastNumber = 1e-9, kMostNumber = 1e9;
constexpr std::size_t kShownBytes = 10'000;

std::int64_t count_in(const JsonView& object, std::string_view name) {
  const JsonView value = object.at(name);
  const std::int64_t count = value.integer();
  if (count < 0 || count > kMostCount) value.refuse(fmt::format("must be between 0 and {}", kMostCount));
  return count;
}

std::int64_t count_or_none(const JsonView& object, std::string_view name) {
  return object.find(name) ? count_in(object, name) : 0;
}

double number_in(const JsonView& value, double least, double most = kMostNumber) {
  const double number = value.number();
  if (number < least || number > most) value.refuse(fmt::format("must be between {} and {}", least, most));
  return number;
}

double number_or_none(const JsonView& object, std::string_view name) {
  const std::optional<JsonView> value = object.find(name);
  return value ? number_in(*value, 0) : 0;
}

// Texts are displayed.
std::string text_in(const JsonView& value) {
  return shown_text(value.string(), kShownBytes);
}

Facts facts_in(const JsonView& object) {
  Facts facts;
  for (const boost::json::key_value_pair& fact : object.object())
    facts.emplace_back(shown_text(fact.key(), kShownBytes), text_in(object.member(fact)));
  return facts;
}

std::chrono::nanoseconds seconds_in(double seconds) {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

LoadPlan plan_in(const JsonView& object) {
  LoadPlan plan;
  plan.concurrency = count_or_none(object, "max_concurrency");
  if (object.at("mode").string() == "open") {
    const bool is_infinite = object.at("request_rate").is_string();
    plan.rate = is_infinite ? std::numeric_limits<double>::infinity()
                            : number_in(object.at("request_rate"), kLeastNumber);
    plan.burstiness = number_in(object.at("burstiness"), kLeastNumber);
  } else if (plan.concurrency < 1) {
    object.refuse("needs `max_concurrency`, 1 or more");
  }
  plan.seed = static_cast<std::uint64_t>(object.at("seed").integer());
  plan.max_requests = count_or_none(object, "max_requests");
  plan.duration = seconds_in(number_or_none(object, "seconds"));
  return plan;
}

// Each in [least, most]; there may be millions.
std::vector<std::int64_t> integers_in(const JsonView& list, std::int64_t least, std::int64_t most) {
  std::vector<std::int64_t> numbers;
  for (const boost::json::value& value : list.array()) {
    if (!value.is_int64() || value.get_int64() < least || value.get_int64() > most)
      list.refuse(fmt::format("must have whole numbers from {} to {}", least, most));
    numbers.push_back(value.get_int64());
  }
  return numbers;
}

std::vector<Sample> samples_in(const JsonView& object) {
  const auto starts = integers_in(object.at("start_us"), -kMostMicroseconds, kMostMicroseconds);
  const auto latencies = integers_in(object.at("latency_us"), 0, kMostMicroseconds);
  const auto lateness = integers_in(object.at("lateness_us"), -kMostMicroseconds, kMostMicroseconds);
  const auto documents = integers_in(object.at("documents"), 0, kMostCount);
  const auto tokens = integers_in(object.at("tokens"), -1, kMostCount);
  for (const auto* numbers : {&latencies, &lateness, &documents, &tokens}) {
    if (numbers->size() != starts.size()) object.refuse("has lists that differ in length");
  }
  std::vector<Sample> samples;
  for (std::size_t index = 0; index < starts.size(); ++index) {
    samples.push_back({starts[index] * 1000, latencies[index] * 1000, lateness[index] * 1000, tokens[index],
                       documents[index]});
  }
  return samples;
}

Point point_in(const JsonView& object) {
  Point point;
  point.plan = plan_in(object.at("load"));
  const JsonView workload = object.at("workload"), failures = object.at("failures");
  point.dataset = text_in(workload.at("dataset"));
  point.docs_per_request = count_in(workload, "docs_per_request");
  point.query_words = count_in(workload, "query_words");
  point.document_words = count_in(workload, "document_words");
  point.num_distinct = count_in(workload, "distinct_requests");
  const JsonView percentiles = object.at("percentiles");
  point.percentiles.clear();
  for (std::size_t i = 0; i < percentiles.array().size(); ++i)
    point.percentiles.push_back(number_in(percentiles.element(i), 0, 100));
  for (const boost::json::key_value_pair& failure : failures.object()) {
    const JsonView tally = failures.member(failure);
    point.record.failures[shown_text(failure.key(), kShownBytes)] = {count_in(tally, "count"),
                                                                     text_in(tally.at("message"))};
  }
  const JsonView figures = object.at("figures");
  point.record.interrupted = object.at("interrupted").boolean();
  point.record.num_aborted = count_in(figures, "aborted");
  point.record.max_in_flight = count_in(figures, "max_concurrent_requests");
  point.record.wall = seconds_in(number_in(figures.at("duration"), 0));
  point.record.cpu = seconds_in(number_in(object.at("cpu_seconds"), 0));
  point.record.samples = samples_in(object.at("requests"));
  point.figures = figures_of(point.record, {.percentiles = point.percentiles,
                                            .goodput_limit_ms = number_or_none(object, "goodput_limit_ms")});
  return point;
}

}  // namespace

BenchResult parse_result(std::string_view text, const std::string& name) {
  const JsonFile file(text, name, {.advice = "run the benchmark again"});
  if (file.string_or("format", "") != kResultFormat)
    file.refuse(fmt::format("is not a result of `rerank bench` (`format` is not \"{}\")", kResultFormat));
  BenchResult result;
  result.created = text_in(file.at("created"));
  const std::string program = text_in(file.at("program"));
  result.version = program.substr(program.rfind(' ') + 1);
  result.label = text_in(file.at("label"));
  const JsonView command = file.at("command"), points = file.at("points");
  for (std::size_t i = 0; i < command.array().size(); ++i)
    result.command.push_back(text_in(command.element(i)));
  result.machine = facts_in(file.at("machine"));
  result.target = facts_in(file.at("target"));
  result.metadata = facts_in(file.at("metadata"));
  for (std::size_t i = 0; i < points.array().size(); ++i)
    result.points.push_back(point_in(points.element(i)));
  return result;
}

BenchResult read_result(const std::string& path) {
  return parse_result(read_whole_file(path, kMaxResultBytes), path);
}

}  // namespace rerank::load
