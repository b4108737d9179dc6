// result_file.h: writing.
#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cmath>

#include "base/files/atomic_file.h"
#include "load/report/result_file.h"

namespace rerank::load {
namespace {

namespace json = boost::json;

json::object object_of(const Facts& facts) {
  json::object object;
  for (const auto& [name, value] : facts) object[name] = value;
  return object;
}

std::int64_t microseconds(std::int64_t nanoseconds) {
  return (nanoseconds + 500) / 1000;
}

json::object load_of(const LoadPlan& plan) {
  json::object load;
  load["mode"] = plan.rate ? "open" : "closed";
  load["max_concurrency"] = plan.concurrency > 0 ? json::value(plan.concurrency) : json::value(nullptr);
  if (plan.rate) {
    load["request_rate"] = std::isinf(*plan.rate) ? json::value("inf") : json::value(*plan.rate);
    load["burstiness"] = plan.burstiness;
  }
  load["seed"] = plan.seed;
  if (plan.max_requests > 0) load["max_requests"] = plan.max_requests;
  if (plan.duration.count() > 0) load["seconds"] = std::chrono::duration<double>(plan.duration).count();
  return load;
}

void add_distribution(json::object& fields, const Distribution& found, const std::string& suffix) {
  fields["mean_" + suffix] = found.mean;
  fields["median_" + suffix] = found.at(50);
  fields["std_" + suffix] = found.standard_deviation;
  fields["min_" + suffix] = found.min;
  fields["max_" + suffix] = found.max;
  for (const auto& [p, value] : found.percentiles) {
    if (p != 50) fields[fmt::format("p{:g}_{}", p, suffix)] = value;
  }
}

template <typename Number>
json::value or_null(const std::optional<Number>& number) {
  return number ? json::value(*number) : json::value(nullptr);
}

json::object figures_object(const Figures& figures) {
  json::object fields;
  fields["duration"] = figures.seconds;
  fields["completed"] = figures.num_completed;
  fields["failed"] = figures.num_failed;
  fields["aborted"] = figures.num_aborted;
  fields["total_input_tokens"] = or_null(figures.num_tokens);
  fields["total_input_sequences"] = figures.num_documents;
  fields["request_throughput"] = figures.requests_per_second;
  fields["input_sequence_throughput"] = figures.documents_per_second;
  fields["total_token_throughput"] = or_null(figures.tokens_per_second);
  fields["request_goodput"] = or_null(figures.goodput);
  fields["max_concurrent_requests"] = figures.max_in_flight;
  if (figures.latency) add_distribution(fields, *figures.latency, "e2el_ms");
  if (figures.lateness) add_distribution(fields, *figures.lateness, "lateness_ms");
  fields["client_cpu_us_per_request"] = figures.cpu_us_per_request;
  return fields;
}

json::object requests_of(const RunRecord& record) {
  json::array starts;
  json::array latencies;
  json::array lateness;
  json::array documents;
  json::array tokens;
  for (const Sample& sample : record.samples) {
    starts.emplace_back(microseconds(sample.start_ns));
    latencies.emplace_back(microseconds(sample.latency_ns));
    lateness.emplace_back(microseconds(sample.lateness_ns));
    documents.emplace_back(sample.num_documents);
    tokens.emplace_back(sample.num_tokens);
  }
  return {{"start_us", std::move(starts)},
          {"latency_us", std::move(latencies)},
          {"lateness_us", std::move(lateness)},
          {"documents", std::move(documents)},
          {"tokens", std::move(tokens)}};
}

json::object point_object(const Point& point) {
  json::object object;
  object["load"] = load_of(point.plan);
  object["workload"] = {{"dataset", point.dataset},
                        {"docs_per_request", point.docs_per_request},
                        {"query_words", point.query_words},
                        {"document_words", point.document_words},
                        {"distinct_requests", point.num_distinct}};
  object["interrupted"] = point.record.interrupted;
  object["figures"] = figures_object(point.figures);
  if (point.figures.goodput_limit_ms > 0) object["goodput_limit_ms"] = point.figures.goodput_limit_ms;
  json::object failures;
  for (const auto& [name, tally] : point.record.failures) {
    failures[name] = {{"count", tally.count}, {"message", tally.message}};
  }
  object["failures"] = std::move(failures);
  object["cpu_seconds"] = std::chrono::duration<double>(point.record.cpu).count();
  object["percentiles"] = json::array(point.percentiles.begin(), point.percentiles.end());
  object["requests"] = requests_of(point.record);
  return object;
}

// Objects and lists of objects take several lines, lists of plain values one.
void write(const json::value& value, int depth, std::string& text) {
  const std::string indent(static_cast<std::size_t>(depth + 1) * 2, ' ');
  const auto close = [&](char bracket) { text += "\n" + indent.substr(2) + bracket; };
  if (value.is_object() && !value.get_object().empty()) {
    const char* separator = "{\n";
    for (const auto& field : value.get_object()) {
      text += separator + indent + json::serialize(json::value(field.key())) + ": ";
      write(field.value(), depth + 1, text);
      separator = ",\n";
    }
    close('}');
  } else if (value.is_array() && !value.get_array().empty() && value.get_array().front().is_object()) {
    const char* separator = "[\n";
    for (const json::value& item : value.get_array()) {
      text += separator + indent;
      write(item, depth + 1, text);
      separator = ",\n";
    }
    close(']');
  } else if (value.is_array()) {
    const char* separator = "[";
    for (const json::value& item : value.get_array()) {
      text += separator;
      write(item, depth, text);
      separator = ",";
    }
    text += value.get_array().empty() ? "[]" : "]";
  } else if (value.is_double()) {
    text += fmt::format("{}", value.get_double());  // "0.25"; the library would write 2.5E-1
  } else {
    text += json::serialize(value);
  }
}

}  // namespace

std::string result_text(const BenchResult& result) {
  json::object object;
  object["format"] = kResultFormat;
  object["created"] = result.created;
  object["program"] = "rerank bench " + result.version;
  object["label"] = result.label;
  object["command"] = json::array(result.command.begin(), result.command.end());
  object["machine"] = object_of(result.machine);
  object["target"] = object_of(result.target);
  object["metadata"] = object_of(result.metadata);
  json::array points;
  for (const Point& point : result.points) points.emplace_back(point_object(point));
  object["points"] = std::move(points);
  std::string text;
  write(object, 0, text);
  return text + "\n";
}

void write_result(const BenchResult& result, const std::string& path) {
  write_whole_file(path, result_text(result));
}

}  // namespace rerank::load
