// The style sheet of the report: light and dark, and for printing.
#pragma once

#include <string_view>

namespace rerank::load {

// Series have the classes s0 to s7 in every diagram.
inline constexpr int kNumSeriesStyles = 8;

std::string_view report_style();

}  // namespace rerank::load
