// The published formulas of a transformer's steps, on rows of float32 with sums in float64.
#pragma once

#include <span>
#include <vector>

#include "backend/transformer.h"

namespace rerank::reference {

using Floats = std::vector<float>;

// Empty for an empty view.
Floats to_floats(const TensorView& view);

float activate(MlpActivation activation, float x);

// x / sqrt(mean(x^2) + eps) * weight (Zhang and Sennrich 2019, as Qwen3RMSNorm). `out` may be `x`.
void rms_norm(const float* x, const Floats& weight, float eps, float* out);

// (x - mean) / sqrt(variance + eps) * weight + bias (Ba, Kiros and Hinton 2016, as torch.nn.LayerNorm, with
// the population variance of the row). `bias` may be empty. `out` may be `x`.
void layer_norm(const float* x, const Floats& weight, const Floats& bias, float eps, float* out);

// Normalizes the rows of `x` with the norm of the specification.
Floats norm_rows(const TransformerSpec& spec, const Norm& norm, const Floats& x);

// The halves of a head are the real and imaginary parts of complex numbers, rotated by position * frequencies
// (Su et al. 2021, as Hugging Face's apply_rotary_pos_emb).
void rotate(std::span<float> head, const Floats& frequencies, std::int32_t position);

// The output of the classification head for one pooled state.
float run_head(TransformerWeights& weights, std::span<const float> state);

}  // namespace rerank::reference
