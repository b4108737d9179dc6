// Builds the list of a layout's tensors, with the names that Hugging Face Transformers uses.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "backend/transformer.h"
#include "model/tensors.h"

namespace rerank {

class TensorList {
 public:
  // NAME.weight, [outputs, inputs].
  void matrix(const std::string& name, TensorRole role, std::int64_t outputs, std::int64_t inputs,
              std::int32_t layer = kNoLayer) {
    tensors_.push_back({name + ".weight", {outputs, inputs}, role, layer});
  }
  void vector(const std::string& name, TensorRole role, std::int64_t size, std::int32_t layer = kNoLayer) {
    tensors_.push_back({name, {size}, role, layer});
  }

  struct Place {
    TensorRole role;
    bool has_bias = false;
    std::int32_t layer = kNoLayer;
  };
  void linear(const std::string& name, const Place& place, std::int64_t outputs, std::int64_t inputs) {
    matrix(name, place.role, outputs, inputs, place.layer);
    if (place.has_bias) vector(name + ".bias", bias_of(place.role), outputs, place.layer);
  }
  void norm(const std::string& name, const Place& place, std::int64_t size) {
    vector(name + ".weight", place.role, size, place.layer);
    if (place.has_bias) vector(name + ".bias", bias_of(place.role), size, place.layer);
  }
  // Matrices stacked in one tensor; their biases are stacked in the same way.
  void stacked(const std::string& name, const Place& place, std::vector<TensorPart> parts,
               std::int64_t inputs) {
    std::int64_t outputs = 0;
    std::vector<TensorPart> biases;
    for (const TensorPart& part : parts) {
      outputs += part.num_rows;
      biases.push_back({bias_of(part.role), part.num_rows});
    }
    tensors_.push_back({name + ".weight", {outputs, inputs}, place.role, place.layer, std::move(parts)});
    if (place.has_bias)
      tensors_.push_back({name + ".bias", {outputs}, bias_of(place.role), place.layer, std::move(biases)});
  }
  // Step `step` of a classification head.
  void head_step(const std::string& name, const HeadStep& step, std::int32_t index, std::int64_t inputs) {
    const Place place{TensorRole::kHeadStep, step.has_bias, head_step_place(index)};
    if (step.kind == HeadStep::Kind::kDense) {
      linear(name, place, step.outputs, inputs);
    } else {
      norm(name, place, inputs);
    }
  }

  std::vector<ModelTensor> take() { return std::move(tensors_); }

 private:
  std::vector<ModelTensor> tensors_;
};

}  // namespace rerank
