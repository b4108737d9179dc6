// An SVG diagram: axes with round ticks, curves with labelled points, bars.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rerank::load {

// `text` escaped for HTML and XML, in text and in quoted attributes. Characters that XML does not allow
// become U+FFFD.
std::string escaped(std::string_view text);

// A number for display: "0.25", "12", "1,200".
std::string tick_text(double number);

struct Axis {
  double low = 0;
  double high = 1;
  bool is_log = false;
  std::string title;
  std::vector<double> marks;  // ticks to draw; empty: round values

  // The position of a value between the ends: 0 to 1, clipped.
  double place(double value) const;
  // Round values between the ends, at most as many as `room` fits.
  std::vector<double> ticks(int room) const;
};

// An axis that covers `values`, with round ends. A linear one starts at 0. REQUIRES: at least one value; for
// a logarithmic axis, all above 0.
Axis axis_for(const std::vector<double>& values, bool is_log, std::string title);

struct PlotSize {
  double width = 560;
  double height = 340;
  double left = 62;  // margins
  double right = 22;
  double top = 28;
  double bottom = 46;
};

struct PlotPoint {
  double x = 0;
  double y = 0;
  std::string label;  // beside the mark
  std::string hover;  // plain text
};

class Plot {
 public:
  Plot(Axis x, Axis y, const PlotSize& size);

  // `style` selects color, dashes and mark; it is the index of a style, not of a series.
  void add_curve(int style, const std::vector<PlotPoint>& points);
  void add_bar(int style, double from_x, double to_x, double y, const std::string& hover);
  // A vertical line with its text above the diagram; dashed lines use the upper of two rows.
  void add_rule(double x, const std::string& label, bool is_dashed);
  // `description` is for screen readers.
  std::string svg(const std::string& description) const;

 private:
  double at_x(double value) const;
  double at_y(double value) const;
  std::string frame() const;

  Axis x_;
  Axis y_;
  PlotSize size_;
  std::string content_;
};

// The mark of a style, centered at a position.
std::string mark_svg(int style, double x, double y);

}  // namespace rerank::load
