#include "prompt/score_function.h"

#include <fmt/format.h>

#include <cmath>

#include "base/sigmoid.h"

namespace rerank {

float ScoreFunction::operator()(float logit) const {
  const float x = (logit - shift) / scale;
  return sigmoid ? rerank::sigmoid(x) : x;
}

std::string ScoreFunction::text() const {
  std::string x = "logit";
  if (shift != 0) x += fmt::format(" {} {}", shift > 0 ? '-' : '+', std::abs(shift));
  if (scale != 1 && shift != 0) x = "(" + x + ")";
  if (scale != 1) x += fmt::format(" / {}", scale);
  return sigmoid ? "sigmoid(" + x + ")" : x;
}

}  // namespace rerank
