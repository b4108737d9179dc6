#include "backend/reference/formulas.h"

#include <cmath>
#include <numbers>

#include "rerank/error.h"

namespace rerank::reference {
namespace {

float gelu(float x) {
  return static_cast<float>(double{x} / 2 * (1 + std::erf(double{x} / std::numbers::sqrt2)));
}

float activate(HeadStep::Activation activation, float x) {
  switch (activation) {
    case HeadStep::Activation::kTanh:
      return std::tanh(x);
    case HeadStep::Activation::kGelu:
      return gelu(x);
    default:
      return x;
  }
}

// activation((x * weight^T + bias) / divisor)
Floats dense(const HeadStep& step, const Linear& linear, const Floats& x) {
  const Floats weight = to_floats(linear.weight), bias = to_floats(linear.bias);
  Floats out(static_cast<std::size_t>(step.outputs));
  check(weight.size() == out.size() * x.size(), "a step of the head has a matrix of another shape");
  for (std::size_t n = 0; n < out.size(); ++n) {
    double sum = bias.empty() ? 0 : bias[n];
    for (std::size_t i = 0; i < x.size(); ++i) sum += double{x[i]} * weight[n * x.size() + i];
    out[n] = activate(step.activation, static_cast<float>(sum / step.divisor));
  }
  return out;
}

}  // namespace

Floats to_floats(const TensorView& view) {
  Floats out(view.empty() ? 0 : static_cast<std::size_t>(view.num_elements()));
  if (!view.empty()) widen(view, 0, out);
  return out;
}

float activate(MlpActivation activation, float x) {
  if (activation == MlpActivation::kSilu) return x / (1.0f + std::exp(-x));
  if (activation == MlpActivation::kGelu) return gelu(x);
  // Hendrycks and Gimpel 2016, as torch's approximate="tanh".
  const double wide = x, inner = std::sqrt(2 / std::numbers::pi) * (wide + 0.044715 * wide * wide * wide);
  return static_cast<float>(wide / 2 * (1 + std::tanh(inner)));
}

void rms_norm(const float* x, const Floats& weight, float eps, float* out) {
  double squares = 0;
  for (std::size_t i = 0; i < weight.size(); ++i) squares += double{x[i]} * x[i];
  const auto scale = static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(weight.size()) + eps));
  for (std::size_t i = 0; i < weight.size(); ++i) out[i] = weight[i] * (x[i] * scale);
}

void layer_norm(const float* x, const Floats& weight, const Floats& bias, float eps, float* out) {
  const auto count = static_cast<double>(weight.size());
  double mean = 0, squares = 0;
  for (std::size_t i = 0; i < weight.size(); ++i) mean += x[i];
  mean /= count;
  for (std::size_t i = 0; i < weight.size(); ++i) squares += (x[i] - mean) * (x[i] - mean);
  const double scale = 1.0 / std::sqrt(squares / count + eps);
  for (std::size_t i = 0; i < weight.size(); ++i) {
    out[i] = static_cast<float>((x[i] - mean) * scale * weight[i] + (bias.empty() ? 0 : bias[i]));
  }
}

Floats norm_rows(const TransformerSpec& spec, const Norm& norm, const Floats& x) {
  Floats weight = to_floats(norm.weight);
  const Floats bias = to_floats(norm.bias);
  for (float& w : weight) w += spec.norm_weight_offset;
  Floats out(x.size());
  for (std::size_t at = 0; at < x.size(); at += weight.size()) {
    if (spec.norm == NormKind::kRms) {
      rms_norm(x.data() + at, weight, spec.norm_eps, out.data() + at);
    } else {
      layer_norm(x.data() + at, weight, bias, spec.norm_eps, out.data() + at);
    }
  }
  return out;
}

void rotate(std::span<float> head, const Floats& frequencies, std::int32_t position) {
  const std::size_t half = head.size() / 2;
  for (std::size_t i = 0; i < half; ++i) {
    const float angle = static_cast<float>(position) * frequencies[i];
    const float a = head[i], b = head[half + i];
    head[i] = a * std::cos(angle) - b * std::sin(angle);
    head[half + i] = b * std::cos(angle) + a * std::sin(angle);
  }
}

float run_head(TransformerWeights& weights, std::span<const float> state) {
  Floats x(state.begin(), state.end());
  const std::vector<HeadStep>& steps = weights.spec().head;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    const Linear linear = weights.head_step(static_cast<std::int32_t>(i));
    if (steps[i].kind == HeadStep::Kind::kDense) {
      x = dense(steps[i], linear, x);
    } else {
      layer_norm(x.data(), to_floats(linear.weight), to_floats(linear.bias), steps[i].eps, x.data());
    }
  }
  check(x.size() == 1, "the head ends in more than one result");
  return x.front();
}

}  // namespace rerank::reference
