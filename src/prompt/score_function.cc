#include "prompt/score_function.h"

#include <fmt/format.h>

#include <cmath>

namespace rerank {

float ScoreFunction::operator()(float logit) const {
  const float x = (logit - shift) / scale;
  if (!sigmoid) return x;
  // The form that never overflows on either side.
  if (x >= 0) return 1.0f / (1.0f + std::exp(-x));
  const float e = std::exp(x);
  return e / (1.0f + e);
}

std::string ScoreFunction::text() const {
  std::string x = "logit";
  if (shift != 0) x += fmt::format(" {} {}", shift > 0 ? '-' : '+', std::abs(shift));
  if (scale != 1 && shift != 0) x = "(" + x + ")";
  if (scale != 1) x += fmt::format(" / {}", scale);
  return sigmoid ? "sigmoid(" + x + ")" : x;
}

}  // namespace rerank
