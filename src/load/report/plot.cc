#include "load/report/plot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

#include "load/report/report_style.h"

namespace rerank::load {
namespace {

constexpr double kPixelsOfTickX = 62;
constexpr double kPixelsOfTickY = 38;
constexpr double kMarkRadius = 5;

std::vector<double> linear_ticks(double low, double high, int room) {
  const double rough = (high - low) / std::max(1, room);
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= rough) {
      step = factor * power;
      break;
    }
  }
  std::vector<double> ticks;
  for (auto n = static_cast<std::int64_t>(std::ceil(low / step - 1e-9));
       static_cast<double>(n) * step <= high * (1 + 1e-9); ++n) {
    ticks.push_back(static_cast<double>(n) * step);
  }
  return ticks;
}

// The finest of 1-2-5, 1-3, decades, every other decade, ... that fits.
std::vector<double> log_ticks(double low, double high, int room) {
  static const std::vector<std::vector<double>> kSteps = {{1, 2, 5}, {1, 3}, {1}};
  const int first = static_cast<int>(std::floor(std::log10(low)));
  const int last = static_cast<int>(std::ceil(std::log10(high)));
  std::vector<double> ticks;
  for (std::size_t fineness = 0; fineness < kSteps.size() + 3; ++fineness) {
    const int stride = fineness < kSteps.size() ? 1 : static_cast<int>(fineness - kSteps.size()) + 2;
    ticks.clear();
    for (int power = first; power <= last; power += stride) {
      for (const double factor : kSteps[std::min(fineness, kSteps.size() - 1)]) {
        const double tick = factor * std::pow(10, power);
        if (tick >= low * (1 - 1e-9) && tick <= high * (1 + 1e-9)) ticks.push_back(tick);
      }
    }
    if (std::cmp_less_equal(ticks.size(), room)) break;
  }
  return ticks;
}

// The next of 1, 2, 3, 5, 7 times a power of ten, up or down.
double round_value(double value, bool is_up) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  static constexpr double kRound[] = {1, 1.5, 2, 3, 5, 7, 10};
  double below = power;
  for (const double factor : kRound) {
    const double candidate = factor * power;
    if (is_up && candidate >= value * (1 - 1e-9)) return candidate;
    if (candidate <= value * (1 + 1e-9)) below = candidate;
  }
  return is_up ? 10 * power : below;
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string safe;
  for (const char letter : text) {
    switch (letter) {
      case '&':
        safe += "&amp;";
        break;
      case '<':
        safe += "&lt;";
        break;
      case '>':
        safe += "&gt;";
        break;
      case '"':
        safe += "&quot;";
        break;
      default: {
        const bool is_control = static_cast<unsigned char>(letter) < ' ' && letter != '\n' && letter != '\t';
        safe += is_control ? std::string("\xEF\xBF\xBD") : std::string(1, letter);
      }
    }
  }
  return safe;
}

std::string tick_text(double number) {
  if (std::fabs(number) < 10'000) return fmt::format("{:.6g}", number);
  std::string digits = fmt::format("{:.0f}", number);
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > (number < 0 ? 1 : 0); at -= 3) {
    digits.insert(static_cast<std::size_t>(at), ",");
  }
  return digits;
}

double Axis::place(double value) const {
  const double share =
      is_log ? std::log(std::max(value, low) / low) / std::log(high / low) : (value - low) / (high - low);
  return std::clamp(share, 0.0, 1.0);
}

std::vector<double> Axis::ticks(int room) const {
  if (!marks.empty()) return marks;
  return is_log ? log_ticks(low, high, room) : linear_ticks(low, high, room);
}

Axis axis_for(const std::vector<double>& values, bool is_log, std::string title) {
  constexpr double kLeast = 1e-6;  // on a logarithmic axis
  const auto [least, most] = std::ranges::minmax(values);
  const double low = is_log ? std::max(kLeast, least) : least;
  const double high = is_log ? std::max(kLeast, most) : most;
  if (!is_log) return {0, high > 0 ? round_value(high * 1.04, true) : 1, false, std::move(title), {}};
  Axis axis = {round_value(low * 0.97, false), round_value(high * 1.03, true), true, std::move(title), {}};
  if (axis.high < axis.low * 2) axis.high = round_value(axis.low * 2, true);
  return axis;
}

std::string mark_svg(int style, double x, double y) {
  const double r = kMarkRadius;
  const auto path = [&](const std::string& data) {
    return fmt::format("<path class=\"mark\" d=\"{}\"/>", data);
  };
  switch (style % 6) {
    case 0:
      return fmt::format("<circle class=\"mark\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{}\"/>", x, y, r);
    case 1:
      return path(fmt::format("M{:.1f} {:.1f}h{}v{}h-{}z", x - r, y - r, 2 * r, 2 * r, 2 * r));
    case 2:
      return path(fmt::format("M{:.1f} {:.1f}l{} {}h-{}z", x, y - r - 1, r + 1, 2 * r + 1, 2 * r + 2));
    case 3:
      return path(fmt::format("M{:.1f} {:.1f}l{} {}l-{} {}l-{} -{}z", x, y - r - 1.5, r + 1.5, r + 1.5,
                              r + 1.5, r + 1.5, r + 1.5, r + 1.5));
    case 4:
      return path(fmt::format("M{:.1f} {:.1f}l{} -{}h-{}z", x, y + r + 1, r + 1, 2 * r + 1, 2 * r + 2));
    default:
      return path(fmt::format("M{:.1f} {:.1f}h4v4h4v4h-4v4h-4v-4h-4v-4h4z", x - 2, y - 6));
  }
}

Plot::Plot(Axis x, Axis y, const PlotSize& size) : x_(std::move(x)), y_(std::move(y)), size_(size) {}

double Plot::at_x(double value) const {
  return size_.left + x_.place(value) * (size_.width - size_.left - size_.right);
}

double Plot::at_y(double value) const {
  return size_.height - size_.bottom - y_.place(value) * (size_.height - size_.top - size_.bottom);
}

void Plot::add_curve(int style, const std::vector<PlotPoint>& points) {
  content_ += fmt::format("<g class=\"s{}\">", style % kNumSeriesStyles);
  if (points.size() > 1) {
    content_ += "<path class=\"series\" d=\"";
    for (std::size_t index = 0; index < points.size(); ++index) {
      content_ += fmt::format("{}{:.1f} {:.1f}", index == 0 ? "M" : "L", at_x(points[index].x),
                              at_y(points[index].y));
    }
    content_ += "\"/>";
  }
  for (const PlotPoint& point : points) {
    const double x = at_x(point.x);
    const double y = at_y(point.y);
    content_ += fmt::format(
        "<g class=\"point\"><title>{}</title><circle class=\"near\" cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"14\"/>",
        escaped(point.hover), x, y);
    content_ += mark_svg(style, x, y);
    if (!point.label.empty()) {
      content_ += fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"middle\">{}</text>", x, y - 11,
                              escaped(point.label));
    }
    content_ += "</g>";
  }
  content_ += "</g>\n";
}

void Plot::add_bar(int style, double from_x, double to_x, double y, const std::string& hover) {
  const double left = at_x(from_x);
  const double top = at_y(y);
  content_ += fmt::format(
      "<g class=\"s{}\"><rect class=\"bar\" x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\">"
      "<title>{}</title></rect></g>",
      style % kNumSeriesStyles, left, top, std::max(1.0, at_x(to_x) - left - 0.7), at_y(y_.low) - top,
      escaped(hover));
}

void Plot::add_rule(double x, const std::string& label, bool is_dashed) {
  const double place = at_x(x);
  const bool is_right = place > size_.width * 0.6;
  content_ += fmt::format(
      "<line class=\"rule{}\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>"
      "<text class=\"value\" x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\">{}</text>\n",
      is_dashed ? " rule-99" : "", place, place, size_.top, size_.height - size_.bottom,
      place + (is_right ? -4 : 4), size_.top - (is_dashed ? 19 : 5), is_right ? "end" : "start",
      escaped(label));
}

std::string Plot::frame() const {
  const double bottom = size_.height - size_.bottom;
  const double right = size_.width - size_.right;
  std::string text;
  for (const double tick : y_.ticks(std::max(2, static_cast<int>((bottom - size_.top) / kPixelsOfTickY)))) {
    text += fmt::format(
        "<line class=\"grid-line\" x1=\"{}\" x2=\"{}\" y1=\"{:.1f}\" y2=\"{:.1f}\"/>"
        "<text x=\"{}\" y=\"{:.1f}\" text-anchor=\"end\">{}</text>",
        size_.left, right, at_y(tick), at_y(tick), size_.left - 7, at_y(tick) + 4, tick_text(tick));
  }
  for (const double tick : x_.ticks(std::max(2, static_cast<int>((right - size_.left) / kPixelsOfTickX)))) {
    text += fmt::format(
        "<line class=\"grid-line\" x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{}\" y2=\"{}\"/>"
        "<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
        at_x(tick), at_x(tick), size_.top, bottom, at_x(tick), bottom + 17, tick_text(tick));
  }
  text += fmt::format("<line class=\"axis\" x1=\"{}\" x2=\"{}\" y1=\"{}\" y2=\"{}\"/>", size_.left, right,
                      bottom, bottom);
  if (!x_.title.empty()) {
    text += fmt::format("<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                        (size_.left + right) / 2, size_.height - 9, escaped(x_.title));
  }
  if (!y_.title.empty()) {
    text +=
        fmt::format("<text transform=\"translate(14 {:.1f}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
                    (size_.top + bottom) / 2, escaped(y_.title));
  }
  return text + "\n";
}

std::string Plot::svg(const std::string& description) const {
  return fmt::format(
      "<svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\" "
      "xmlns=\"http://www.w3.org/2000/svg\">\n{}{}</svg>\n",
      size_.width, size_.height, escaped(description), frame(), content_);
}

}  // namespace rerank::load
