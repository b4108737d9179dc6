// Which tokenizer.json belongs to a model, without opening its weights.
#pragma once

#include <filesystem>
#include <string>

namespace rerank::cli {

// `tokenizer` if it is not empty; else the one in the model's directory, or for a synthetic model the demo
// model's. Throws Error naming what was looked for.
std::filesystem::path tokenizer_location(const std::string& model, const std::string& tokenizer);

}  // namespace rerank::cli
