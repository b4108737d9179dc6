// Turns a model's logit into the score that its publisher's code returns.
#pragma once

#include <string>

namespace rerank {

// With shift 0 and scale 1: the logit itself or its sigmoid.
struct ScoreFunction {
  bool sigmoid = true;
  float shift = 0;
  float scale = 1;  // not 0

  // In float32. Returns the same bits for the same logit everywhere.
  float operator()(float logit) const;
  // As a formula: "logit", "sigmoid(logit)", "sigmoid((logit - 4.5) / 2)".
  std::string text() const;

  bool operator==(const ScoreFunction&) const = default;
};

}  // namespace rerank
