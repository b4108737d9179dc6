#include "apps/rerank/output/bench_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace rerank::cli {
namespace {

constexpr double kLateMs = 0.5;          // below it nobody cares
constexpr double kLateShare = 0.05;      // of the median latency
constexpr double kBusyShare = 0.85;      // of the generator's threads
constexpr std::size_t kLabelWidth = 42;  // as vLLM prints

std::string optional_number(const std::optional<double>& number) {
  return number ? short_number(*number) : "-";
}

std::string line(const std::string& label, const std::string& value) {
  return fmt::format("{:<{}} {}\n", label, kLabelWidth, value);
}

std::string heading(const std::string& text, char fill) {
  const std::size_t width = std::max<std::size_t>(text.size() + 4, 56) - text.size() - 2;
  return std::string(width / 2, fill) + " " + text + " " + std::string(width - width / 2, fill) + "\n";
}

std::string latency_text(const load::Distribution& latency) {
  std::string text = heading("End-to-end Latency", '-');
  const auto add = [&text](const std::string& name, double value) {
    text += line(name + " E2EL (ms):", fmt::format("{:.2f}", value));
  };
  add("Mean", latency.mean);
  for (const auto& [p, value] : latency.percentiles) add(p == 50 ? "Median" : fmt::format("P{:g}", p), value);
  add("Max", latency.max);
  add("Std", latency.standard_deviation);
  return text;
}

}  // namespace

std::string short_number(double number) {
  const double size = std::fabs(number);
  if (size >= 99.95) return fmt::format("{:.0f}", number);
  if (size >= 9.995) return fmt::format("{:.1f}", number);
  if (size >= 0.9995 || size == 0) return fmt::format("{:.2f}", number);
  return fmt::format("{:.3g}", number);
}

TextTable::TextTable(std::vector<std::string> header, std::vector<std::size_t> widths, bool is_markdown)
    : header_(std::move(header)), widths_(std::move(widths)), is_markdown_(is_markdown) {
  for (std::size_t column = 0; column < header_.size(); ++column) {
    widths_[column] = std::max(widths_[column], header_[column].size());
  }
}

std::string TextTable::header() const {
  std::string text = row(header_);
  if (!is_markdown_) return text;
  for (std::size_t column = 0; column < header_.size(); ++column) text += column == 0 ? "|---" : "|---:";
  return text + "|\n";
}

std::string TextTable::row(const std::vector<std::string>& cells) const {
  std::string text;
  for (std::size_t column = 0; column < cells.size(); ++column) {
    text += is_markdown_ ? "| " : column == 0 ? "" : "  ";
    text += column == 0 ? fmt::format("{:<{}}", cells[column], widths_[column])
                        : fmt::format("{:>{}}", cells[column], widths_[column]);
    if (is_markdown_) text += " ";
  }
  return text + (is_markdown_ ? "|\n" : "\n");
}

TextTable sweep_table(const load::FigureOptions& options, bool is_markdown) {
  std::vector<std::string> header = {"load",    "docs", "words", "requests/s", "documents/s", "tokens/s",
                                     "mean ms", "p50",  "p90",   "p99",        "max",         "failed"};
  std::vector<std::size_t> widths = {14, 5, 5, 10, 11, 8, 8, 8, 8, 8, 8, 6};
  if (options.goodput_limit_ms > 0) {
    header.emplace_back("good/s");
    widths.push_back(8);
  }
  return {std::move(header), std::move(widths), is_markdown};
}

std::vector<std::string> sweep_row(const load::Point& point) {
  const load::Figures& figures = point.figures;
  const auto size = [](std::int64_t number) {
    return number > 0 ? std::to_string(number) : std::string("-");
  };
  std::vector<std::string> cells = {load_text(point.plan),
                                    size(point.docs_per_request),
                                    size(point.document_words),
                                    short_number(figures.requests_per_second),
                                    short_number(figures.documents_per_second),
                                    optional_number(figures.tokens_per_second)};
  if (figures.latency) {
    const load::Distribution& latency = *figures.latency;
    for (const double value : {latency.mean, latency.at(50), latency.at(90), latency.at(99), latency.max}) {
      cells.push_back(short_number(value));
    }
  } else {
    cells.insert(cells.end(), 5, "-");
  }
  cells.push_back(std::to_string(figures.num_failed));
  if (figures.goodput) cells.push_back(short_number(*figures.goodput));
  return cells;
}

std::string point_text(const load::Point& point) {
  const load::Figures& figures = point.figures;
  std::string text = heading("Serving Benchmark Result", '=');
  text += line("Successful requests:", std::to_string(figures.num_completed));
  text += line("Failed requests:", std::to_string(figures.num_failed));
  if (point.plan.concurrency > 0)
    text += line("Maximum request concurrency:", std::to_string(point.plan.concurrency));
  if (point.plan.rate && std::isfinite(*point.plan.rate)) {
    text += line("Request rate configured (RPS):", fmt::format("{:.2f}", *point.plan.rate));
  }
  text += line("Benchmark duration (s):", fmt::format("{:.2f}", figures.seconds));
  if (figures.num_tokens) text += line("Total input tokens:", std::to_string(*figures.num_tokens));
  text += line("Total documents:", std::to_string(figures.num_documents));
  text += line("Request throughput (req/s):", fmt::format("{:.2f}", figures.requests_per_second));
  text += line("Input throughput (inputs/s):", fmt::format("{:.2f}", figures.documents_per_second));
  if (figures.goodput) text += line("Request goodput (req/s):", fmt::format("{:.2f}", *figures.goodput));
  if (figures.tokens_per_second) {
    text += line("Total token throughput (tok/s):", fmt::format("{:.2f}", *figures.tokens_per_second));
  }
  text += line("Peak concurrent requests:", std::to_string(figures.max_in_flight));
  if (figures.latency) text += latency_text(*figures.latency);
  return text + std::string(56, '=') + "\n";
}

std::string remarks(const load::Point& point, bool is_offline, int num_threads) {
  const load::Figures& figures = point.figures;
  std::string text;
  const std::string where = load_text(point.plan);
  if (point.record.interrupted) {
    text += fmt::format(
        "{}: stopped early, with {} requests in progress; the figures cover the requests answered until "
        "then\n",
        where, figures.num_aborted);
  }
  for (const auto& [name, tally] : point.record.failures) {
    text += fmt::format("{}: {} failed: {}; the first: {}\n", where, tally.count, name, tally.message);
  }
  if (figures.num_completed > 0 && !figures.num_tokens) {
    text += fmt::format("{}: the server does not report token counts, so there is no token rate\n", where);
  }
  if (!figures.latency) return text;
  const double late = figures.lateness->at(99);
  if (point.plan.rate && std::isfinite(*point.plan.rate) && late > kLateMs &&
      late > kLateShare * figures.latency->at(50)) {
    text += fmt::format(
        "{}: the load generator was late by {} ms at p99, which is part of these latencies; reduce the load "
        "or increase --io-threads\n",
        where, short_number(late));
  }
  if (!is_offline && figures.cpu_share > kBusyShare * num_threads) {
    text += fmt::format(
        "{}: the load generator used {:.0f}% of a core and may limit the rate; increase --io-threads\n",
        where, figures.cpu_share * 100);
  }
  return text;
}

std::string comparison_text(const load::Comparison& comparison, std::string_view first,
                            std::string_view second, bool is_markdown) {
  std::string text = fmt::format("A: {}\nB: {}\n", first, second);
  const TextTable table({"", "A", "B", "B / A", "95% of the time within"}, {18, 10, 10, 8, 22}, is_markdown);
  for (const load::ComparedPoint& point : comparison.points) {
    text += fmt::format("\n{}{}{}\n{}", point.load, point.shape.empty() ? "" : ", ", point.shape,
                        is_markdown ? "\n" : "");
    if (point.ratios.empty()) {
      text += "one of the results has no successful request\n";
      continue;
    }
    text += table.header();
    for (const load::Ratio& ratio : point.ratios) {
      text += table.row(
          {ratio.name, short_number(ratio.first), short_number(ratio.second),
           fmt::format("{:.3f}", ratio.ratio),
           ratio.has_interval ? fmt::format("{:.3f} to {:.3f}", ratio.low, ratio.high) : "run too short"});
    }
  }
  for (const std::string& key : comparison.only_in_first) text += "\nonly in A: " + key;
  for (const std::string& key : comparison.only_in_second) text += "\nonly in B: " + key;
  if (!comparison.only_in_first.empty() || !comparison.only_in_second.empty()) text += "\n";
  return text;
}

}  // namespace rerank::cli
