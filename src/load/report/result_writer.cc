// result_file.h: writing.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

#include "base/files/atomic_file.h"
#include "load/report/result_file.h"
#include "text/json_writer.h"

namespace rerank::load {
namespace {

std::int64_t microseconds(std::int64_t nanoseconds) {
  return (nanoseconds + 500) / 1000;
}

void write_or_null(JsonWriter& json, const std::optional<std::int64_t>& number) {
  if (number) {
    json.number(*number);
  } else {
    json.null();
  }
}

void write_or_null(JsonWriter& json, const std::optional<double>& number) {
  if (number) {
    json.real(*number);
  } else {
    json.null();
  }
}

template <typename Range, typename Write>
void write_list(JsonWriter& json, std::string_view name, const Range& range, Write&& write) {
  json.key(name).begin_array();
  for (const auto& element : range) write(element);
  json.end_array();
}

// Of facts with the same name only the last one.
void write_facts(JsonWriter& json, std::string_view name, const Facts& facts) {
  json.key(name).begin_object();
  for (auto fact = facts.begin(); fact != facts.end(); ++fact) {
    const bool is_last =
        std::none_of(fact + 1, facts.end(), [fact](const auto& later) { return later.first == fact->first; });
    if (is_last) json.escaped_key(fact->first).string(fact->second);
  }
  json.end_object();
}

void write_load(JsonWriter& json, const LoadPlan& plan) {
  json.key("load").begin_object();
  json.key("mode").string(plan.rate ? "open" : "closed");
  json.key("max_concurrency");
  write_or_null(json, plan.concurrency > 0 ? std::optional<std::int64_t>(plan.concurrency) : std::nullopt);
  if (plan.rate) {
    json.key("request_rate");
    if (std::isinf(*plan.rate)) {
      json.string("inf");
    } else {
      json.real(*plan.rate);
    }
    json.key("burstiness").real(plan.burstiness);
  }
  json.key("seed").raw(std::to_string(plan.seed));
  if (plan.max_requests > 0) json.key("max_requests").number(plan.max_requests);
  if (plan.duration.count() > 0) {
    json.key("seconds").real(std::chrono::duration<double>(plan.duration).count());
  }
  json.end_object();
}

void write_distribution(JsonWriter& json, const Distribution& found, const std::string& suffix) {
  json.key("mean_" + suffix).real(found.mean);
  json.key("median_" + suffix).real(found.at(50));
  json.key("std_" + suffix).real(found.standard_deviation);
  json.key("min_" + suffix).real(found.min);
  json.key("max_" + suffix).real(found.max);
  for (const auto& [p, value] : found.percentiles) {
    if (p != 50) json.key(fmt::format("p{:g}_{}", p, suffix)).real(value);
  }
}

void write_figures(JsonWriter& json, const Figures& figures) {
  json.key("figures").begin_object();
  json.key("duration").real(figures.seconds);
  json.key("completed").number(figures.num_completed);
  json.key("failed").number(figures.num_failed);
  json.key("aborted").number(figures.num_aborted);
  json.key("total_input_tokens");
  write_or_null(json, figures.num_tokens);
  json.key("total_input_sequences").number(figures.num_documents);
  json.key("request_throughput").real(figures.requests_per_second);
  json.key("input_sequence_throughput").real(figures.documents_per_second);
  json.key("total_token_throughput");
  write_or_null(json, figures.tokens_per_second);
  json.key("request_goodput");
  write_or_null(json, figures.goodput);
  json.key("max_concurrent_requests").number(figures.max_in_flight);
  if (figures.latency) write_distribution(json, *figures.latency, "e2el_ms");
  if (figures.lateness) write_distribution(json, *figures.lateness, "lateness_ms");
  json.key("client_cpu_us_per_request").real(figures.cpu_us_per_request);
  json.end_object();
}

void write_requests(JsonWriter& json, const RunRecord& record) {
  const auto write = [&](std::string_view name, auto&& value_of) {
    write_list(json, name, record.samples, [&](const Sample& sample) { json.number(value_of(sample)); });
  };
  json.key("requests").begin_object();
  write("start_us", [](const Sample& sample) { return microseconds(sample.start_ns); });
  write("latency_us", [](const Sample& sample) { return microseconds(sample.latency_ns); });
  write("lateness_us", [](const Sample& sample) { return microseconds(sample.lateness_ns); });
  write("documents", [](const Sample& sample) { return sample.num_documents; });
  write("tokens", [](const Sample& sample) { return sample.num_tokens; });
  json.end_object();
}

void write_point(JsonWriter& json, const Point& point) {
  json.begin_object();
  write_load(json, point.plan);
  json.key("workload").begin_object();
  json.key("dataset").string(point.dataset);
  json.key("docs_per_request").number(point.docs_per_request);
  json.key("query_words").number(point.query_words);
  json.key("document_words").number(point.document_words);
  json.key("distinct_requests").number(point.num_distinct);
  json.end_object();
  json.key("interrupted").boolean(point.record.interrupted);
  write_figures(json, point.figures);
  if (point.figures.goodput_limit_ms > 0) json.key("goodput_limit_ms").real(point.figures.goodput_limit_ms);
  json.key("failures").begin_object();
  for (const auto& [name, tally] : point.record.failures) {
    json.escaped_key(name).begin_object();
    json.key("count").number(tally.count).key("message").string(tally.message).end_object();
  }
  json.end_object();
  json.key("cpu_seconds").real(std::chrono::duration<double>(point.record.cpu).count());
  write_list(json, "percentiles", point.percentiles, [&](double percentile) { json.real(percentile); });
  write_requests(json, point.record);
  json.end_object();
}

}  // namespace

std::string result_text(const BenchResult& result) {
  JsonWriter json = JsonWriter::with_lines();
  json.begin_object();
  json.key("format").string(kResultFormat);
  json.key("created").string(result.created);
  json.key("program").string("rerank bench " + result.version);
  json.key("label").string(result.label);
  write_list(json, "command", result.command, [&](const std::string& word) { json.string(word); });
  write_facts(json, "machine", result.machine);
  write_facts(json, "target", result.target);
  write_facts(json, "metadata", result.metadata);
  write_list(json, "points", result.points, [&](const Point& point) { write_point(json, point); });
  json.end_object();
  return json.take() + "\n";
}

void write_result(const BenchResult& result, const std::string& path) {
  write_whole_file(path, result_text(result));
}

}  // namespace rerank::load
