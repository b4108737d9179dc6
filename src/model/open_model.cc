#include "model/open_model.h"

#include <fmt/format.h>

#include "checkpoint/huggingface_directory.h"
#include "checkpoint/model_location.h"
#include "model/synthetic/synthetic_checkpoint.h"
#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::string_view kSyntheticPrefix = "synth:";

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

std::unique_ptr<Checkpoint> open_model(const std::string& model, const std::string& record_directory) {
  if (model.starts_with(kSyntheticPrefix)) {
    return make_synthetic(std::string_view(model).substr(kSyntheticPrefix.size()));
  }
  return std::make_unique<HuggingFaceDirectory>(model_directory(model), model, record_directory);
}

}  // namespace rerank
