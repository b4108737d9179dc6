// One diagram as SVG: axes with round ticks, curves whose points are marked and say their values, bars.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rerank::load {

// `text` as it stands in HTML and XML, between tags or in quotes. What XML has no way to write becomes
// U+FFFD.
std::string escaped(std::string_view text);

// A number as people read it: "0.25", "12", "1,200".
std::string tick_text(double number);

struct Axis {
  double low = 0;
  double high = 1;
  bool is_log = false;
  std::string title;
  std::vector<double> marks;  // the ticks to draw; none: round ones

  // Where a value stands between the ends: 0 to 1, clipped.
  double place(double value) const;
  // Round values between the ends, as many as `room` has space for.
  std::vector<double> ticks(int room) const;
};

// An axis with room for all of `values`, its ends round. A linear one starts at 0. REQUIRES: there are
// values; for a logarithmic axis, all above 0.
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

  // `style` chooses colour, dashes and mark: the style's number, not the series'.
  void add_curve(int style, const std::vector<PlotPoint>& points);
  void add_bar(int style, double from_x, double to_x, double y, const std::string& hover);
  // A line from the bottom to the top, its text above the diagram: dashed ones in the upper of two rows.
  void add_rule(double x, const std::string& label, bool is_dashed);
  // `description` is for those who cannot see it.
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

// The mark of a style, centred on a place.
std::string mark_svg(int style, double x, double y);

}  // namespace rerank::load
