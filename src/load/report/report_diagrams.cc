#include "load/report/report_diagrams.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "load/report/plot.h"
#include "load/report/report_style.h"

namespace rerank::load {
namespace {

constexpr int kNumBins = 72;
constexpr std::size_t kMostMarks = 9;
constexpr PlotSize kSmall = {.width = 310, .height = 186, .left = 42, .right = 20, .top = 36, .bottom = 40};

std::string ms(double number) {
  return fixed_number(number) + " ms";
}

double load_of(const LoadPlan& plan) {
  return plan.rate ? *plan.rate : static_cast<double>(plan.concurrency);
}

std::string label_of(const LoadPlan& plan) {
  return plan.rate ? fmt::format("{:g}/s", *plan.rate) : std::to_string(plan.concurrency);
}

std::string hover_of(const Series& series, const Point& point) {
  const Distribution& latency = *point.figures.latency;
  return fmt::format("{}\n{}\n{} documents/s, {} requests/s\nmedian {}, p90 {}, p99 {}", series.name,
                     load_text(point.plan), rate_text(point.figures.documents_per_second),
                     rate_text(point.figures.requests_per_second), ms(latency.at(50)), ms(latency.at(90)),
                     ms(latency.at(99)));
}

using ValueOf = std::function<double(const Point&)>;

struct Dimension {
  Axis axis;
  ValueOf measure;
};

std::vector<double> values_of(const std::vector<Series>& all, const ValueOf& value) {
  std::vector<double> values;
  for (const Series& series : all) {
    for (const Point* point : series.points) values.push_back(value(*point));
  }
  return values;
}

std::string curves(const std::vector<Series>& all, const std::string& caption, const Dimension& x,
                   const Dimension& y, bool has_labels) {
  Plot plot(x.axis, y.axis, {});
  for (const Series& series : all) {
    std::vector<PlotPoint> points;
    for (const Point* point : series.points) {
      points.push_back({x.measure(*point), y.measure(*point), has_labels ? label_of(point->plan) : "",
                        hover_of(series, *point)});
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

// Bins of equal width on the logarithmic axis shared by all histograms.
std::string histogram(const Series& series, const Point& point, const Axis& axis) {
  std::vector<double> counts(kNumBins, 0);
  for (const Sample& sample : point.record.samples) {
    const double place = axis.place(static_cast<double>(sample.latency_ns) / 1e6);
    ++counts[static_cast<std::size_t>(std::min<double>(kNumBins - 1, place * kNumBins))];
  }
  const auto total = static_cast<double>(point.record.samples.size());
  const double ratio = std::pow(axis.high / axis.low, 1.0 / kNumBins);
  const Axis shares = axis_for({*std::ranges::max_element(counts) / total * 100}, false, "% of requests");
  Axis latencies = axis;
  latencies.title = "milliseconds";
  Plot plot(latencies, shares, kSmall);
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
      "<figure class=\"card\"><figcaption>{} <span>{} requests</span></figcaption>\n{}</figure>\n",
      escaped(load_text(point.plan)), point.record.samples.size(),
      plot.svg("Histogram of latencies, " + series.name + ", " + load_text(point.plan)));
}

// For closed or open loops.
std::string throughput_by_load(const std::vector<Series>& all, bool is_open) {
  const auto load = [](const Point& point) { return load_of(point.plan); };
  std::vector<Series> some;
  for (Series series : all) {
    std::erase_if(series.points, [](const Point* point) { return std::isinf(load_of(point->plan)); });
    if (series.is_open == is_open && series.points.size() > 1) some.push_back(series);
  }
  if (some.empty()) return "";
  std::vector<double> loads = values_of(some, load);
  Axis axis = axis_for(loads, true, is_open ? "request rate (1/s)" : "concurrency");
  std::ranges::sort(loads);
  loads.erase(std::unique(loads.begin(), loads.end()), loads.end());
  if (loads.size() <= kMostMarks) axis.marks = loads;
  return curves(some, is_open ? "Throughput by rate" : "Throughput by concurrency", {axis, load},
                {axis_for(values_of(some, documents_rate), false, "documents/s"), documents_rate}, false);
}

}  // namespace

std::string fixed_number(double number) {
  return fmt::format("{:.{}f}", number, number >= 100 ? 0 : number >= 10 ? 1 : 2);
}

std::string rate_text(double number) {
  return number >= 100 ? tick_text(std::round(number)) : fixed_number(number);
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

// The marks are labelled with the load: with fewer than two points there is no curve.
std::string curves_section(const std::vector<Series>& all) {
  if (!std::ranges::any_of(all, [](const Series& series) { return series.points.size() > 1; })) return "";
  std::string text =
      "<h2>Latency and throughput</h2>\n<p>Further right is higher throughput, further down is lower "
      "latency. The "
      "number at a mark "
      "is the load: concurrency or rate (/s). Hover over a mark to see its figures.</p>\n" +
      key_of(all) + "<div class=\"grid wide\">\n";
  const Axis documents = axis_for(values_of(all, documents_rate), false, "documents/s");
  for (const double p : {50.0, 99.0}) {
    const auto latency = [p](const Point& point) { return point.figures.latency->at(p); };
    const std::string name = p == 50 ? "Median latency" : "99th percentile latency";
    text += curves(all, name, {documents, documents_rate},
                   Dimension{axis_for(values_of(all, latency), true, "milliseconds"), latency}, true);
  }
  for (const bool is_open : {false, true}) text += throughput_by_load(all, is_open);
  return text + "</div>\n";
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
      "<h2>Latency distribution</h2>\n<p>All share one logarithmic axis, so that they can be compared side "
      "by "
      "side. The lines are "
      "the median and, dashed, the 99th percentile.</p>\n";
  for (const Series& series : all) {
    text += fmt::format("<h3 class=\"group\">{}</h3>\n<div class=\"grid small\">\n", escaped(series.name));
    for (const Point* point : series.points) text += histogram(series, *point, axis);
    text += "</div>\n";
  }
  return text;
}

}  // namespace rerank::load
