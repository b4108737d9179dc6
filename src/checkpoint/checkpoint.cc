// What every checkpoint has in common, and the way from the name of a model to its checkpoint.
#include "checkpoint/checkpoint.h"

#include <fmt/format.h>

#include <algorithm>

#include "checkpoint/huggingface_directory.h"
#include "checkpoint/model_location.h"
#include "checkpoint/synthetic_checkpoint.h"
#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::string_view kSyntheticPrefix = "synth:";

std::vector<TensorInfo>::const_iterator lower_bound(const std::vector<TensorInfo>& tensors,
                                                    std::string_view name) {
  return std::lower_bound(
      tensors.begin(), tensors.end(), name,
      [](const TensorInfo& tensor, std::string_view wanted) { return tensor.name < wanted; });
}

std::unique_ptr<Checkpoint> make_synthetic(std::string_view size) {
  SyntheticOptions options;
  options.config_json = published_config(size);
  options.size_name = size;
  if (options.config_json.empty()) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{}{}: no such size; use synth:nano, synth:odd, synth:0.6B, synth:4B "
                            "or synth:8B",
                            kSyntheticPrefix, size));
  }
  return std::make_unique<SyntheticCheckpoint>(options);
}

}  // namespace

bool Checkpoint::contains(std::string_view name) const {
  const auto found = lower_bound(tensors(), name);
  return found != tensors().end() && found->name == name;
}

std::size_t Checkpoint::index_of(std::string_view name) const {
  const auto found = lower_bound(tensors(), name);
  if (found == tensors().end() || found->name != name) {
    throw Error(ErrorCode::kNotFound, fmt::format("{}: has no tensor {}", description(), name));
  }
  return static_cast<std::size_t>(found - tensors().begin());
}

std::unique_ptr<Checkpoint> open_checkpoint(const std::string& model, const std::string& record_directory) {
  std::unique_ptr<Checkpoint> checkpoint;
  if (model.starts_with(kSyntheticPrefix)) {
    checkpoint = make_synthetic(std::string_view(model).substr(kSyntheticPrefix.size()));
  } else {
    checkpoint = std::make_unique<HuggingFaceDirectory>(model_directory(model), model, record_directory);
  }
  validate_tensors(*checkpoint);
  return checkpoint;
}

}  // namespace rerank
