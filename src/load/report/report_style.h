// How the report looks: light and dark, on paper too.
#pragma once

#include <string_view>

namespace rerank::load {

// Series have the classes s0 to s7, whatever is drawn.
inline constexpr int kNumSeriesStyles = 8;

std::string_view report_style();

}  // namespace rerank::load
