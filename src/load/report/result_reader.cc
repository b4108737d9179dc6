// result_file.h: reading. The metrics are computed again from the requests, so that a file cannot contradict
// itself.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <limits>

#include "base/files/whole_file.h"
#include "base/shown_text.h"
#include "load/report/result_file.h"
#include "rerank/error.h"
#include "text/strict_json.h"

namespace rerank::load {
namespace {

namespace json = boost::json;

constexpr std::size_t kMaxResultBytes = std::size_t{256} << 20;

const json::value& field(const json::object& object, const char* name) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr) throw Error(ErrorCode::kInvalidArgument, fmt::format("`{}` is missing", name));
  return *value;
}

const json::object& object_in(const json::object& object, const char* name) {
  const json::value& value = field(object, name);
  require(value.is_object(), fmt::format("`{}` must be an object", name));
  return value.get_object();
}

template <typename Value>
Value value_in(const json::object& object, const char* name) {
  auto value = json::try_value_to<Value>(field(object, name));
  if (value.has_error())
    throw Error(ErrorCode::kInvalidArgument, fmt::format("`{}` has the wrong type", name));
  return std::move(value.value());
}

template <typename Value>
Value value_or(const json::object& object, const char* name, Value absent) {
  const json::value* value = object.if_contains(name);
  return value == nullptr || value->is_null() ? absent : value_in<Value>(object, name);
}

// Files are untrusted: the limits keep computations in range.
constexpr std::int64_t kMostMicroseconds = 4'000'000'000'000;  // 46 days
constexpr std::int64_t kMostCount = 10'000'000'000;
constexpr double kMostNumber = 1e9;
constexpr std::size_t kShownBytes = 10'000;

template <typename Number>
Number number_in(const json::object& object, const char* name, Number least, Number most) {
  const auto number = value_in<Number>(object, name);
  require(least <= number && number <= most,
          fmt::format("`{}` must be between {} and {}", name, least, most));
  return number;
}

std::int64_t count_in(const json::object& object, const char* name) {
  return number_in<std::int64_t>(object, name, 0, kMostCount);
}

double positive_in(const json::object& object, const char* name) {
  return number_in<double>(object, name, 1e-9, kMostNumber);
}

// A text that is displayed.
std::string text_in(const json::object& object, const char* name) {
  return shown_text(value_in<std::string>(object, name), kShownBytes);
}

Facts facts_in(const json::object& object, const char* name) {
  Facts facts;
  for (const auto& fact : object_in(object, name)) {
    require(fact.value().is_string(), fmt::format("`{}` must contain strings", name));
    facts.emplace_back(shown_text(fact.key(), kShownBytes),
                       shown_text(fact.value().get_string(), kShownBytes));
  }
  return facts;
}

std::chrono::nanoseconds seconds_in(double seconds) {
  require(seconds >= 0 && seconds <= kMostNumber, "a time is negative or more than 1000000000 seconds");
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(seconds));
}

LoadPlan plan_in(const json::object& object) {
  LoadPlan plan;
  plan.concurrency = value_or<std::int64_t>(object, "max_concurrency", 0);
  if (value_in<std::string>(object, "mode") == "open") {
    const bool is_infinite = field(object, "request_rate").is_string();
    plan.rate = is_infinite ? std::numeric_limits<double>::infinity() : positive_in(object, "request_rate");
    plan.burstiness = positive_in(object, "burstiness");
  } else {
    require(plan.concurrency >= 1, "`max_concurrency` must be 1 or more");
  }
  require(plan.concurrency <= kMostCount, "`max_concurrency` is too large");
  plan.seed = value_in<std::uint64_t>(object, "seed");
  plan.max_requests = value_or<std::int64_t>(object, "max_requests", 0);
  plan.duration = seconds_in(value_or<double>(object, "seconds", 0));
  return plan;
}

std::vector<Sample> samples_in(const json::object& object) {
  using Numbers = std::vector<std::int64_t>;
  const auto starts = value_in<Numbers>(object, "start_us");
  const auto latencies = value_in<Numbers>(object, "latency_us");
  const auto lateness = value_in<Numbers>(object, "lateness_us");
  const auto documents = value_in<Numbers>(object, "documents");
  const auto tokens = value_in<Numbers>(object, "tokens");
  for (const Numbers* numbers : {&latencies, &lateness, &documents, &tokens}) {
    require(numbers->size() == starts.size(), "the lists in `requests` differ in length");
  }
  std::vector<Sample> samples;
  const auto are_between = [](const Numbers& numbers, std::int64_t least, std::int64_t most) {
    return std::ranges::all_of(numbers,
                               [=](std::int64_t number) { return least <= number && number <= most; });
  };
  require(are_between(starts, -kMostMicroseconds, kMostMicroseconds) &&
              are_between(latencies, 0, kMostMicroseconds) &&
              are_between(lateness, -kMostMicroseconds, kMostMicroseconds) &&
              are_between(documents, 0, kMostCount) && are_between(tokens, -1, kMostCount),
          "a number in `requests` is negative or too large");
  for (std::size_t index = 0; index < starts.size(); ++index) {
    samples.push_back({starts[index] * 1000, latencies[index] * 1000, lateness[index] * 1000, tokens[index],
                       documents[index]});
  }
  return samples;
}

Point point_in(const json::object& object) {
  Point point;
  point.plan = plan_in(object_in(object, "load"));
  const json::object& workload = object_in(object, "workload");
  point.dataset = text_in(workload, "dataset");
  point.docs_per_request = count_in(workload, "docs_per_request");
  point.query_words = count_in(workload, "query_words");
  point.document_words = count_in(workload, "document_words");
  point.num_distinct = count_in(workload, "distinct_requests");
  point.percentiles = value_in<std::vector<double>>(object, "percentiles");
  for (const auto& failure : object_in(object, "failures")) {
    require(failure.value().is_object(), "`failures` must contain objects");
    const json::object& tally = failure.value().get_object();
    point.record.failures[shown_text(failure.key(), kShownBytes)] = {count_in(tally, "count"),
                                                                     text_in(tally, "message")};
  }
  const json::object& figures = object_in(object, "figures");
  point.record.interrupted = value_in<bool>(object, "interrupted");
  point.record.num_aborted = count_in(figures, "aborted");
  point.record.max_in_flight = count_in(figures, "max_concurrent_requests");
  point.record.wall = seconds_in(value_in<double>(figures, "duration"));
  point.record.cpu = seconds_in(value_in<double>(object, "cpu_seconds"));
  point.record.samples = samples_in(object_in(object, "requests"));
  point.figures =
      figures_of(point.record, {.percentiles = point.percentiles,
                                .goodput_limit_ms = value_or<double>(object, "goodput_limit_ms", 0)});
  return point;
}

BenchResult result_in(const json::object& object) {
  const json::value* format = object.if_contains("format");
  require(format != nullptr && format->is_string() && format->get_string() == kResultFormat,
          fmt::format("not a result of `rerank bench` (`format` is not \"{}\")", kResultFormat));
  BenchResult result;
  result.created = text_in(object, "created");
  const auto program = text_in(object, "program");
  result.version = program.substr(program.rfind(' ') + 1);
  result.label = text_in(object, "label");
  for (const std::string& word : value_in<std::vector<std::string>>(object, "command")) {
    result.command.push_back(shown_text(word, kShownBytes));
  }
  result.machine = facts_in(object, "machine");
  result.target = facts_in(object, "target");
  result.metadata = facts_in(object, "metadata");
  const json::value& points = field(object, "points");
  require(points.is_array(), "`points` must be a list");
  for (const json::value& point : points.get_array()) {
    require(point.is_object(), "`points` must contain objects");
    result.points.push_back(point_in(point.get_object()));
  }
  return result;
}

}  // namespace

BenchResult parse_result(std::string_view text, const std::string& name) {
  const json::object object = parse_json_object(text, name, {.advice = "run the benchmark again"});
  try {
    return result_in(object);
  } catch (const Error& problem) {
    throw Error(problem.code(), fmt::format("{}: {}", name, problem.what()));
  }
}

BenchResult read_result(const std::string& path) {
  return parse_result(read_whole_file(path, kMaxResultBytes), path);
}

}  // namespace rerank::load
