#include "apps/rerank/tokenizer_location.h"

#include <fmt/format.h>

#include "checkpoint/checkpoint.h"
#include "checkpoint/model_location.h"
#include "rerank/error.h"

namespace rerank::cli {

std::filesystem::path tokenizer_location(const std::string& model, const std::string& tokenizer) {
  if (!tokenizer.empty()) return tokenizer;
  const std::filesystem::path directory =
      model.starts_with("synth:") ? demo_model_directory() : model_directory(model);
  std::filesystem::path file = directory / "tokenizer.json";
  std::error_code ignored;
  if (!std::filesystem::exists(file, ignored)) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("{} has no tokenizer.json; name one with --tokenizer", directory.string()));
  }
  return file;
}

}  // namespace rerank::cli
