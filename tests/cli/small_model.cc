#include "tests/cli/small_model.h"

#include <stdlib.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>

#include "tests/cli/program.h"
#include "tokenizer/small_tokenizer.h"

namespace rerank {
namespace {

constexpr const char* kConfig = R"({
  "architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "attention_bias": false, "hidden_act": "silu",
  "max_position_embeddings": 4096, "rms_norm_eps": 1e-06, "rope_scaling": null, "rope_theta": 1000000,
  "sliding_window": null, "use_sliding_window": false, "torch_dtype": "bfloat16", "hidden_size": 64,
  "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 2, "num_key_value_heads": 1,
  "head_dim": 32, "vocab_size": 300, "tie_word_embeddings": true})";

}  // namespace

SmallModel::SmallModel() {
  std::string pattern = (std::filesystem::temp_directory_path() / "rerank-cli-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp");
  folder_ = pattern;
  file("tokenizer.json", boost::json::serialize(small_document({{"y", "e"}, {"ye", "s"}, {"n", "o"}})));
  file("config.json", kConfig);
  const Outcome outcome = run({"synth", "--config", path("config.json"), "--std", "0.3", "--tokenizer",
                               tokenizer(), "--out", directory()});
  if (outcome.exit_code != 0) throw std::runtime_error("rerank synth: " + outcome.err);
}

SmallModel::~SmallModel() {
  std::error_code ignored;
  std::filesystem::remove_all(folder_, ignored);
}

std::string SmallModel::file(const std::string& name, std::string_view content) const {
  std::ofstream(folder_ / name, std::ios::binary) << content;
  return path(name);
}

std::vector<std::string> SmallModel::command(const char* name, const std::vector<std::string>& more) const {
  std::vector<std::string> arguments = {name, "--dtype",     "float32",    "--threads",
                                        "1",  "--cache-dir", path("cache")};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::vector<std::string> SmallModel::rank(const std::vector<std::string>& more) const {
  std::vector<std::string> arguments = command("rank", more);
  arguments.insert(arguments.end(), {"-m", directory()});
  return arguments;
}

std::vector<std::string> SmallModel::score(const std::vector<std::string>& more) const {
  std::vector<std::string> arguments = command("score", more);
  arguments.insert(arguments.end(), {"-m", directory()});
  return arguments;
}

std::vector<std::string> SmallModel::verify(const std::vector<std::string>& more) const {
  std::vector<std::string> arguments = command("verify", {directory()});
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace rerank
