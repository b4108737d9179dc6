#include "load/report/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "load/report/plot.h"
#include "load/report/report_diagrams.h"
#include "load/report/report_style.h"

namespace rerank::load {
namespace {

std::string cell(const std::string& text) {
  return "<td>" + escaped(text) + "</td>";
}

std::string table_row(const BenchResult& result, const Point& point) {
  const Figures& figures = point.figures;
  const std::string shape = shape_text(point);
  std::string text =
      "<tr>" + cell(result.label + (shape.empty() ? "" : ", " + shape)) + cell(load_text(point.plan)) +
      cell(std::to_string(figures.num_completed)) + cell(fmt::format("{:.1f}", figures.seconds)) +
      cell(rate_text(figures.requests_per_second)) + cell(rate_text(figures.documents_per_second)) +
      cell(figures.tokens_per_second ? rate_text(*figures.tokens_per_second) : "-");
  if (figures.latency) {
    const Distribution& latency = *figures.latency;
    for (const double value : {latency.mean, latency.at(50), latency.at(90), latency.at(99), latency.max}) {
      text += cell(fixed_number(value));
    }
  } else {
    for (int column = 0; column < 5; ++column) text += cell("-");
  }
  text += figures.num_failed > 0 ? fmt::format("<td class=\"warn\">{}</td>", figures.num_failed) : cell("0");
  const bool is_late = figures.lateness && point.plan.rate && std::isfinite(*point.plan.rate);
  return text + cell(is_late ? fmt::format("{:.2f}", figures.lateness->at(99)) : "-") + "</tr>\n";
}

std::string table_section(std::span<const BenchResult> results) {
  std::string text =
      "<h2>All figures</h2>\n<p>Latencies are in milliseconds and do not include failed requests. The last "
      "column is how late "
      "the generator itself was.</p>\n<div class=\"scroll\"><table><thead><tr>";
  for (const char* name : {"result", "load", "requests", "seconds", "requests/s", "documents/s", "tokens/s",
                           "mean", "median", "p90", "p99", "max", "failed", "late p99"}) {
    text += fmt::format("<th scope=\"col\">{}</th>", name);
  }
  text += "</tr></thead><tbody>\n";
  for (const BenchResult& result : results) {
    for (const Point& point : result.points) text += table_row(result, point);
  }
  return text + "</tbody></table></div>\n";
}

std::string failures_section(std::span<const BenchResult> results) {
  std::string text;
  for (const BenchResult& result : results) {
    for (const Point& point : result.points) {
      if (point.record.interrupted) {
        text += fmt::format("<li>{}, {}: stopped early</li>\n", escaped(result.label),
                            escaped(load_text(point.plan)));
      }
      for (const auto& [name, tally] : point.record.failures) {
        text +=
            fmt::format("<li>{}, {}: {} failed: {}; the first: {}</li>\n", escaped(result.label),
                        escaped(load_text(point.plan)), tally.count, escaped(name), escaped(tally.message));
      }
    }
  }
  return text.empty() ? "" : "<h2>Failures</h2>\n<ul>\n" + text + "</ul>\n";
}

std::string card_of(const BenchResult& result) {
  std::string facts;
  const auto add = [&facts](const std::string& name, const std::string& value) {
    facts += fmt::format("<dt>{}</dt><dd>{}</dd>", escaped(name), escaped(value));
  };
  for (const Facts* some : {&result.target, &result.metadata}) {
    for (const auto& [name, value] : *some) add(name, value);
  }
  std::string machine;
  for (const auto& [name, value] : result.machine)
    machine += (machine.empty() ? "" : ", ") + value + (name == "cores" ? " cores" : "");
  add("measured from", machine);
  add("at", result.created + ", with rerank bench " + result.version);
  std::string command;
  for (const std::string& word : result.command) command += (command.empty() ? "" : " ") + word;
  return fmt::format(
      "<section "
      "class=\"card\"><h3>{}</h3><dl>{}</dl><details><summary>Command</summary><code>{}</code></details></"
      "section>\n",
      escaped(result.label), facts, escaped(command));
}

}  // namespace

std::string report_page(std::span<const BenchResult> results, const std::string& title) {
  const std::vector<Series> all = series_of(results);
  std::string cards;
  for (const BenchResult& result : results) cards += card_of(result);
  return fmt::format(
      "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"/><title>{}</title>"
      "<meta name=\"viewport\" content=\"width=device-width, "
      "initial-scale=1\"/><style>{}</style></head>\n<body><main>\n"
      "<h1>{}</h1>\n<p>Throughput and latency of reranking, as a client sees them.</p>\n<div "
      "class=\"grid\">\n{}</div>\n{}{}{}{}"
      "<footer>Throughput counts answered requests over the time from the start to the last reply. In a "
      "closed loop latency "
      "counts from the moment a request is sent, in an open loop from the moment it was due. Percentiles are "
      "interpolated "
      "between the two nearest ranks.</footer>\n</main></body>\n</html>\n",
      escaped(title), report_style(), escaped(title), cards, curves_section(all), histograms_section(all),
      table_section(results), failures_section(results));
}

}  // namespace rerank::load
