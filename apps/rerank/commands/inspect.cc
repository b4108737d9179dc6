// rerank inspect: what a checkpoint holds and how it would run.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "apps/rerank/command.h"
#include "apps/rerank/flags/engine_flags.h"
#include "apps/rerank/output/output_stream.h"
#include "apps/rerank/output/terminal_text.h"
#include "checkpoint/model_location.h"
#include "checkpoint/summary.h"
#include "engine/loading.h"
#include "model/open_model.h"
#include "model/reranker.h"
#include "text/json_writer.h"
#include "tokenizer/tokenizer.h"

namespace rerank::cli {
namespace {

constexpr const char* kInspectExamples = R"(Examples:
  rerank inspect Qwen/Qwen3-Reranker-0.6B
  rerank inspect demo --format json | jq .parameters
  rerank inspect zeroentropy/zerank-2 --format prompt > my-finetune/rerank_prompt.json

--format prompt writes the model's prompt, answers and score as a prompt file. Save it as rerank_prompt.json beside
another model, or edit it and pass it with --prompt.)";

struct InspectOptions {
  EngineOptions engine;
  std::string format = "table";
};

// One thing that was found: its name in JSON, its name for people, and its value in either form.
struct Finding {
  const char* key;
  const char* label;
  std::string json;
  std::string text;
};

class Findings {
 public:
  void add_text(const char* key, const char* label, const std::string& value) {
    findings_.push_back({key, label, json_string(harmless(value)), harmless(value)});
  }
  template <typename Number>
  void add_number(const char* key, const char* label, Number value) {
    const std::string digits = fmt::format("{}", value);
    findings_.push_back({key, label, digits, digits});
  }
  void add(Finding finding) { findings_.push_back(std::move(finding)); }

  std::string as_json() const {
    std::string text;
    for (const Finding& finding : findings_) {
      text += fmt::format("{}\"{}\":{}", text.empty() ? "{" : ",", finding.key, finding.json);
    }
    return text + "}\n";
  }
  std::string as_table() const {
    std::string text;
    for (const Finding& finding : findings_) text += fmt::format("{:<18}{}\n", finding.label, finding.text);
    return text;
  }

 private:
  std::vector<Finding> findings_;
};

void add_shape(const Reranker& reranker, Findings& findings) {
  const TransformerSpec& config = reranker.spec;
  findings.add_text("family", "family", reranker.family);
  findings.add_text("architecture", "architecture", reranker.architecture);
  findings.add_number("num_hidden_layers", "layers", config.num_layers);
  findings.add_number("hidden_size", "hidden size", config.hidden);
  findings.add_number("intermediate_size", "ffn size", config.ffn);
  findings.add_number("num_attention_heads", "query heads", config.num_heads);
  findings.add_number("num_key_value_heads", "key/value heads", config.num_kv_heads);
  findings.add_number("head_dim", "head size", config.head_dim);
  findings.add_number("vocab_size", "vocabulary", config.vocab);
  findings.add_number("max_position_embeddings", "positions", config.max_positions);
  findings.add_number(config.norm == NormKind::kRms ? "rms_norm_eps" : "layer_norm_eps", "norm epsilon",
                      config.norm_eps);
}

void add_weights(const CheckpointSummary& summary, const Reranker& reranker, Findings& findings) {
  findings.add({"parameters", "parameters", fmt::format("{}", summary.num_parameters),
                fmt::format("{:.1f} million", static_cast<double>(summary.num_parameters) / 1e6)});
  findings.add({"weight_bytes", "weights", fmt::format("{}", summary.size_bytes),
                fmt::format("{:.1f} MB", static_cast<double>(summary.size_bytes) / 1e6)});
  std::string json;
  std::string text;
  for (const CheckpointSummary::TypeCount& type : summary.types) {
    json += fmt::format("{}\"{}\":{}", json.empty() ? "" : ",", to_string(type.type), type.num_tensors);
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", type.num_tensors, to_string(type.type));
  }
  findings.add({"tensors", "tensors", "{" + json + "}", text});
  findings.add(
      {"files", "files", fmt::format("{}", summary.num_files),
       summary.num_files == 0 ? "none (generated in memory)" : fmt::format("{}", summary.num_files)});
  findings.add_text("head", "head", reranker.head());
}

void add_tokenizer(const std::string& file, Findings& findings) {
  const Tokenizer tokenizer = Tokenizer::load(file);
  findings.add_text("tokenizer", "tokenizer", file);
  const auto add_word = [&](const char* word, const char* key, const char* label) {
    const std::optional<std::int32_t> id = tokenizer.token_id(word);
    findings.add(
        {key, label, id ? fmt::format("{}", *id) : "null", id ? fmt::format("{}", *id) : "not found"});
  };
  add_word("yes", "yes_id", "id of \"yes\"");
  add_word("no", "no_id", "id of \"no\"");
}

void add_prompt(const Reranker& reranker, Findings& findings) {
  const DeclaredPrompt& declared = reranker.declared;
  findings.add_text("prompt", "prompt", declared.prompt.name);
  findings.add_text("score_function", "score", declared.score.text());
  findings.add_text("score_source", "declared by", reranker.source);
}

void add_arithmetic(const BackendInfo& backend, Findings& findings) {
  findings.add_text("device", "device", backend.device);
  if (!backend.device_name.empty()) findings.add_text("device_name", "GPUs", backend.device_name);
  findings.add_text("device_reason", "device because", backend.device_reason);
  findings.add_text("dtype", "arithmetic", backend.dtype);
  findings.add_text("quantization", "quantization", backend.quantization);
  findings.add_text("instruction_set", "instruction set", backend.instruction_set);
  findings.add_text("dtype_reason", "chosen because", backend.dtype_reason);
}

int inspect(const InspectOptions& options) {
  const std::unique_ptr<Checkpoint> checkpoint =
      open_model(options.engine.model, cache_directory(options.engine));
  const Reranker reranker = read_reranker(*checkpoint, prompt_choice(options.engine));
  if (options.format == "prompt") {
    standard_output().write(reranker.prompt_file());
    standard_output().flush();
    return kDone;
  }
  const CheckpointSummary summary = summarize(*checkpoint);
  Findings findings;
  findings.add_text("model", "model", summary.description);
  add_shape(reranker, findings);
  add_weights(summary, reranker, findings);
  add_tokenizer(tokenizer_location(options.engine.model, options.engine.tokenizer).string(), findings);
  add_prompt(reranker, findings);
  findings.add_text("identity", "identity", summary.identity);
  add_arithmetic(preview_backend(options.engine, reranker.spec, reranker.matrix_type(*checkpoint)), findings);
  standard_output().write(options.format == "json" ? findings.as_json() : findings.as_table());
  standard_output().flush();
  return kDone;
}

}  // namespace

void add_inspect(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand(
      "inspect", "Show what a model's files contain and how it would run on this machine");
  auto options = std::make_shared<InspectOptions>();
  add_model_argument(*command, options->engine.model);
  add_engine_flags(*command, options->engine);
  add_choice(*command, "-f,--format", options->format, {"table", "json", "prompt"}, "default table");
  command->footer(kInspectExamples);
  command->callback([options, &action] { action = [options] { return inspect(*options); }; });
}

}  // namespace rerank::cli
