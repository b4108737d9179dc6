// rerank verify: this program's scores against reference scores, and whether the difference is small enough.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <numeric>
#include <utility>

#include "apps/rerank/command.h"
#include "apps/rerank/commands/engine_calls.h"
#include "apps/rerank/flags/engine_flags.h"
#include "apps/rerank/input/reference_file.h"
#include "apps/rerank/output/output_stream.h"
#include "apps/rerank/output/progress.h"
#include "apps/rerank/output/terminal_text.h"
#include "base/best_first.h"
#include "model/open_model.h"
#include "model/reranker.h"
#include "text/json_writer.h"

namespace rerank::cli {
namespace {

constexpr const char* kVerifyExamples = R"(Examples:
  rerank verify Qwen/Qwen3-Reranker-0.6B reference.json
  rerank verify synth:nano scores-nano.json --tokenizer tokenizer.json --dtype float32

Compares logit differences (yes - no) with those that the reference implementation computed in float32. The exit
code is 0 if every pair has the same number of tokens as in the reference and the error is within the tolerance:
  float32:    at most 0.001 for every pair;
  bfloat16:   root mean square at most the reference's own error in bfloat16, which the file contains;
  quantized:  root mean square at most three times that.
Special tokens in the texts are parsed, as in the reference. tools/make_reference.py writes such a file.)";

constexpr double kFloat32Limit = 1e-3;
constexpr double kQuantizedFactor = 3;
constexpr std::size_t kNumWorst = 5;

struct VerifyOptions {
  EngineOptions engine;
  std::vector<std::string> references;
  std::string format = "table";
};

struct Comparison {
  std::vector<double> differences;         // [cases], ours
  std::vector<double> errors;              // [cases], absolute
  std::vector<std::int32_t> token_counts;  // [cases], ours
  double rms = 0;
  double max = 0;
  const char* measure = "";  // "rms" or "max": which of the two counts
  double limit = 0;
  std::int64_t num_token_mismatches = 0;
  std::vector<std::size_t> worst;  // cases, largest error first

  // False also when an error is not a number.
  bool within() const {
    const double error = measure == std::string_view("rms") ? rms : max;
    return error <= limit && num_token_mismatches == 0;
  }
};

void choose_yardstick(const Reference& reference, const EngineInfo& info, Comparison& comparison) {
  const bool is_float32 = info.dtype == "float32";
  if (!is_float32 && !reference.bfloat16_rms) {
    throw Error(
        ErrorCode::kInvalidArgument,
        reference.path +
            " has no bfloat16_logit_difference_error.rms, the tolerance for bfloat16; use --dtype float32");
  }
  comparison.measure = is_float32 ? "max" : "rms";
  comparison.limit = is_float32 ? kFloat32Limit : *reference.bfloat16_rms;
  if (info.quantization != "none") comparison.limit *= kQuantizedFactor;
}

void summarize(const Reference& reference, Comparison& comparison) {
  double sum = 0;
  for (std::size_t index = 0; index < reference.cases.size(); ++index) {
    const double error = std::abs(comparison.differences[index] - reference.cases[index].logit_difference);
    comparison.errors.push_back(std::isnan(error) ? std::numeric_limits<double>::infinity() : error);
    sum += comparison.errors.back() * comparison.errors.back();
    if (comparison.token_counts[index] != reference.cases[index].token_count)
      ++comparison.num_token_mismatches;
  }
  comparison.rms = std::sqrt(sum / static_cast<double>(reference.cases.size()));
  comparison.max = *std::max_element(comparison.errors.begin(), comparison.errors.end());
  comparison.worst = best_first(comparison.errors, kNumWorst);
}

Comparison compare(Engine& engine, const Reference& reference) {
  Comparison comparison;
  choose_yardstick(reference, engine.info(), comparison);
  std::vector<std::unique_ptr<PendingRequest>> pending;
  for (const ReferenceCase& pair : reference.cases) {
    Request request;
    request.query = pair.query;
    request.instruction = pair.instruction;
    request.documents = {pair.document};
    pending.push_back(std::make_unique<PendingRequest>(engine, std::move(request)));
  }
  Progress progress("cases of " + reference.path);
  for (std::size_t index = 0; index < pending.size(); ++index) {
    const Result result = pending[index]->wait();
    require_ok(result, fmt::format("{}: cases[{}]", reference.path, index));
    comparison.differences.push_back(result.documents.front().logit_difference());
    comparison.token_counts.push_back(result.documents.front().num_tokens);
    progress.update(static_cast<std::int64_t>(index) + 1,
                    static_cast<double>(index + 1) / static_cast<double>(pending.size()));
  }
  summarize(reference, comparison);
  return comparison;
}

std::string as_table(const EngineInfo& info, const Reference& reference, const Comparison& comparison) {
  const std::size_t num_cases = reference.cases.size();
  const std::string arithmetic =
      info.quantization == "none" ? info.dtype : info.dtype + " and " + info.quantization;
  std::string text = fmt::format("{}: {} cases, {} in {} on {} ({})\n", harmless(reference.path), num_cases,
                                 info.model, arithmetic, info.device, info.instruction_set);
  text += fmt::format("  logit difference  rms {:.6f}  max {:.6f} against float32\n", comparison.rms,
                      comparison.max);
  text += fmt::format("  token counts      {} of {} equal\n",
                      static_cast<std::int64_t>(num_cases) - comparison.num_token_mismatches, num_cases);
  text += fmt::format("  tolerance         {} at most {:.6f}: {}\n", comparison.measure, comparison.limit,
                      comparison.within() ? "within" : "NOT within");
  text += fmt::format("  worst: {:>4}  {:>9}  {:>10}  {:>10}  {:>13}  query\n", "case", "error", "here",
                      "reference", "tokens");
  for (const std::size_t index : comparison.worst) {
    const ReferenceCase& expected = reference.cases[index];
    const std::string tokens =
        comparison.token_counts[index] == expected.token_count
            ? fmt::format("{}", expected.token_count)
            : fmt::format("{}, not {}", comparison.token_counts[index], expected.token_count);
    text += fmt::format("         {:>4}  {:>9.6f}  {:>10.6f}  {:>10.6f}  {:>13}  {}\n", index,
                        comparison.errors[index], comparison.differences[index], expected.logit_difference,
                        tokens, clipped(harmless(expected.query), 40));
  }
  return text;
}

std::string as_json(const Reference& reference, const Comparison& comparison) {
  std::string worst;
  for (const std::size_t index : comparison.worst) {
    const ReferenceCase& expected = reference.cases[index];
    worst += fmt::format(
        R"({}{{"case":{},"error":{},"logit_difference":{},"reference":{},"token_count":{},"reference_token_count":{}}})",
        worst.empty() ? "" : ",", index, comparison.errors[index], comparison.differences[index],
        expected.logit_difference, comparison.token_counts[index], expected.token_count);
  }
  return fmt::format(R"({{"file":{},"cases":{},"rms":{},"max":{},"yardstick":{{"measure":"{}","limit":{}}},)"
                     R"("token_count_mismatches":{},"within":{},"worst":[{}]}})",
                     json_string(reference.path), reference.cases.size(), comparison.rms, comparison.max,
                     comparison.measure, comparison.limit, comparison.num_token_mismatches,
                     comparison.within(), worst);
}

int verify(const VerifyOptions& options) {
  std::vector<Reference> references;
  for (const std::string& path : options.references) references.push_back(read_reference(path));
  const TransformerSpec spec = read_reranker(*open_model(options.engine.model)).spec;
  for (const Reference& reference : references) require_same_model(reference, spec);

  EngineOptions engine_options = options.engine;
  engine_options.parse_special_tokens = true;
  const auto engine = load_engine(engine_options);
  const EngineInfo& info = engine->info();
  bool all_within = true;
  std::string items;
  for (const Reference& reference : references) {
    const Comparison comparison = compare(*engine, reference);
    all_within = all_within && comparison.within();
    if (options.format == "json") {
      items += (items.empty() ? "\n" : ",\n") + as_json(reference, comparison);
    } else {
      standard_output().write(as_table(info, reference, comparison));
      standard_output().flush();
    }
  }
  if (options.format == "json") {
    standard_output().write(fmt::format(
        R"({{"model":{},"dtype":"{}","device":"{}","instruction_set":"{}","within":{},"references":[{}]}})",
        json_string(info.model), info.dtype, info.device, info.instruction_set, all_within, items + "\n"));
    standard_output().write("\n");
  }
  standard_output().flush();
  return all_within ? kDone : kRefused;
}

}  // namespace

void add_verify(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("verify", "Compare a model's scores with reference scores");
  auto options = std::make_shared<VerifyOptions>();
  add_model_argument(*command, options->engine.model);
  command->add_option("REFERENCE", options->references, "files of reference scores")->required();
  add_choice(*command, "-f,--format", options->format, {"table", "json"}, "default table");
  add_engine_flags(*command, options->engine);
  command->footer(kVerifyExamples);
  command->callback([options, &action] { action = [options] { return verify(*options); }; });
}

}  // namespace rerank::cli
