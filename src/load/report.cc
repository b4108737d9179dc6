#include "load/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <vector>

#include "load/plot.h"
#include "load/report_style.h"

namespace rerank::load {
namespace {

constexpr int kNumBins = 72;
constexpr PlotSize kSmall = {.width = 380, .height = 190, .left = 46, .right = 12, .top = 8, .bottom = 40};

// Points of one result and one kind of request, with answers, by growing load.
struct Series {
  std::string name;
  int style = 0;
  bool is_open = false;
  std::vector<const Point*> points;
};

double load_of(const LoadPlan& plan) {
  return plan.rate ? *plan.rate : static_cast<double>(plan.concurrency);
}

std::string label_of(const LoadPlan& plan) {
  return plan.rate ? fmt::format("{:g}/s", *plan.rate) : std::to_string(plan.concurrency);
}

// With three digits that count, as far as there are that many before the point.
std::string fixed(double number) {
  return fmt::format("{:.{}f}", number, number >= 100 ? 0 : number >= 10 ? 1 : 2);
}

std::string ms(double number) {
  return fixed(number) + " ms";
}

std::string rate(double number) {
  return number >= 100 ? tick_text(std::round(number)) : fixed(number);
}

std::string hover_of(const Series& series, const Point& point) {
  const Distribution& latency = *point.figures.latency;
  return fmt::format("{}\n{}\n{} documents/s, {} requests/s\nmedian {}, p90 {}, p99 {}", series.name,
                     load_text(point.plan), rate(point.figures.documents_per_second),
                     rate(point.figures.requests_per_second), ms(latency.at(50)), ms(latency.at(90)),
                     ms(latency.at(99)));
}

std::vector<Series> series_of(std::span<const BenchResult> results) {
  std::vector<Series> all;
  for (const BenchResult& result : results) {
    for (const Point& point : result.points) {
      if (!point.figures.latency) continue;
      const std::string shape = shape_text(point);
      const std::string name = fmt::format("{}{}{}", result.label, shape.empty() ? "" : ", ", shape);
      const bool is_open = point.plan.rate.has_value();
      auto found = std::ranges::find_if(
          all, [&](const Series& one) { return one.name == name && one.is_open == is_open; });
      if (found == all.end()) {
        all.push_back({name, static_cast<int>(all.size()), is_open, {}});
        found = all.end() - 1;
      }
      found->points.push_back(&point);
    }
  }
  for (Series& series : all) {
    std::ranges::stable_sort(series.points, {}, [](const Point* point) { return load_of(point->plan); });
  }
  return all;
}

using Measure = std::function<double(const Point&)>;

struct Dimension {
  Axis axis;
  Measure measure;
};

std::vector<double> values_of(const std::vector<Series>& all, const Measure& value) {
  std::vector<double> values;
  for (const Series& series : all) {
    for (const Point* point : series.points) values.push_back(value(*point));
  }
  return values;
}

std::string curves(const std::vector<Series>& all, const std::string& caption, const Dimension& x,
                   const Dimension& y) {
  Plot plot(x.axis, y.axis, {});
  for (const Series& series : all) {
    std::vector<PlotPoint> points;
    for (const Point* point : series.points) {
      points.push_back(
          {x.measure(*point), y.measure(*point), label_of(point->plan), hover_of(series, *point)});
    }
    plot.add_curve(series.style, points);
  }
  return fmt::format("<figure class=\"card\"><figcaption>{}</figcaption>\n{}</figure>\n", caption,
                     plot.svg(caption + "; the figures are in the table"));
}

std::string key_of(const std::vector<Series>& all) {
  std::string text = "<ul class=\"key\">";
  for (const Series& series : all) {
    text += fmt::format(
        "<li><svg viewBox=\"0 0 42 14\" aria-hidden=\"true\" class=\"s{}\"><path class=\"series\" d=\"M1 "
        "7H41\"/>{}</svg>{}{}</li>",
        series.style % kNumSeriesStyles, mark_svg(series.style, 21, 7), escaped(series.name),
        series.is_open ? " (open loop)" : "");
  }
  return text + "</ul>\n";
}

double documents_rate(const Point& point) {
  return point.figures.documents_per_second;
}

// The marks' labels are loads: with fewer than two points there is no curve to see.
std::string curves_section(const std::vector<Series>& all) {
  if (!std::ranges::any_of(all, [](const Series& series) { return series.points.size() > 1; })) return "";
  std::string text =
      "<h2>Latency and throughput</h2>\n<p>Further right is more work done, further down is sooner done. The "
      "number at a mark "
      "is the load: requests at a time, or a second (/s). A mark says its figures when pointed at.</p>\n" +
      key_of(all) + "<div class=\"grid wide\">\n";
  const Axis documents = axis_for(values_of(all, documents_rate), false, "documents a second");
  for (const double p : {50.0, 99.0}) {
    const auto latency = [p](const Point& point) { return point.figures.latency->at(p); };
    const std::string name = p == 50 ? "Median latency" : "99th percentile of latency";
    text += curves(all, name, {documents, documents_rate},
                   Dimension{axis_for(values_of(all, latency), true, "milliseconds"), latency});
  }
  for (const bool is_open : {false, true}) {
    std::vector<Series> some;
    for (const Series& series : all) {
      const bool is_finite = !is_open || std::isfinite(load_of(series.points.back()->plan));
      if (series.is_open == is_open && series.points.size() > 1 && is_finite) some.push_back(series);
    }
    if (some.empty()) continue;
    const auto load = [](const Point& point) { return load_of(point.plan); };
    const char* title = is_open ? "requests a second that were due" : "requests at a time";
    text += curves(
        some, is_open ? "Throughput by rate" : "Throughput by concurrency",
        Dimension{axis_for(values_of(some, load), true, title), load},
        Dimension{axis_for(values_of(some, documents_rate), false, "documents a second"), documents_rate});
  }
  return text + "</div>\n";
}

// Bins of equal width on the logarithmic axis that all histograms share.
std::string histogram(const Series& series, const Point& point, const Axis& axis) {
  std::vector<double> counts(kNumBins, 0);
  for (const Sample& sample : point.record.samples) {
    const double place = axis.place(static_cast<double>(sample.latency_ns) / 1e6);
    ++counts[static_cast<std::size_t>(std::min<double>(kNumBins - 1, place * kNumBins))];
  }
  const auto total = static_cast<double>(point.record.samples.size());
  const double ratio = std::pow(axis.high / axis.low, 1.0 / kNumBins);
  const Axis shares = axis_for({*std::ranges::max_element(counts) / total * 100}, false, "% of requests");
  Plot plot({axis.low, axis.high, true, "milliseconds"}, shares, kSmall);
  for (int bin = 0; bin < kNumBins; ++bin) {
    const double count = counts[static_cast<std::size_t>(bin)];
    if (count == 0) continue;
    const double from = axis.low * std::pow(ratio, bin);
    plot.add_bar(series.style, from, from * ratio, count / total * 100,
                 fmt::format("{} to {}: {:.0f} requests, {:.1f}%", ms(from), ms(from * ratio), count,
                             count / total * 100));
  }
  const Distribution& latency = *point.figures.latency;
  plot.add_rule(latency.at(50), "median " + ms(latency.at(50)), false);
  plot.add_rule(latency.at(99), "p99 " + ms(latency.at(99)), true);
  return fmt::format(
      "<figure class=\"card\"><figcaption>{} <span>{}, {} requests</span></figcaption>\n{}</figure>\n",
      escaped(load_text(point.plan)), escaped(series.name), point.record.samples.size(),
      plot.svg("Histogram of latencies, " + load_text(point.plan)));
}

std::string histograms_section(const std::vector<Series>& all) {
  std::vector<double> ends;
  for (const Series& series : all) {
    for (const Point* point : series.points) {
      ends.push_back(std::max(1e-3, point->figures.latency->min));
      ends.push_back(std::max(1e-3, point->figures.latency->max));
    }
  }
  if (ends.empty()) return "";
  const Axis axis = axis_for(ends, true, "");
  std::string text =
      "<h2>How latencies are spread</h2>\n<p>One logarithmic axis for all, so that they can be laid side by "
      "side. The lines are "
      "the median and, dashed, the 99th percentile.</p>\n<div class=\"grid\">\n";
  for (const Series& series : all) {
    for (const Point* point : series.points) text += histogram(series, *point, axis);
  }
  return text + "</div>\n";
}

std::string cell(const std::string& text) {
  return "<td>" + escaped(text) + "</td>";
}

std::string table_row(const BenchResult& result, const Point& point) {
  const Figures& figures = point.figures;
  const std::string shape = shape_text(point);
  std::string text = "<tr>" + cell(result.label + (shape.empty() ? "" : ", " + shape)) +
                     cell(load_text(point.plan)) + cell(std::to_string(figures.num_completed)) +
                     cell(fmt::format("{:.1f}", figures.seconds)) + cell(rate(figures.requests_per_second)) +
                     cell(rate(figures.documents_per_second)) +
                     cell(figures.tokens_per_second ? rate(*figures.tokens_per_second) : "-");
  if (figures.latency) {
    const Distribution& latency = *figures.latency;
    for (const double value : {latency.mean, latency.at(50), latency.at(90), latency.at(99), latency.max}) {
      text += cell(fixed(value));
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
      "<h2>All figures</h2>\n<p>Latencies are in milliseconds, failed requests are not among them. The last "
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
        text += fmt::format("<li>{}, {}: stopped before its end</li>\n", escaped(result.label),
                            escaped(load_text(point.plan)));
      }
      for (const auto& [name, tally] : point.record.failures) {
        text +=
            fmt::format("<li>{}, {}: {} failed: {}; the first: {}</li>\n", escaped(result.label),
                        escaped(load_text(point.plan)), tally.count, escaped(name), escaped(tally.message));
      }
    }
  }
  return text.empty() ? "" : "<h2>What went wrong</h2>\n<ul>\n" + text + "</ul>\n";
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
