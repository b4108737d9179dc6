// rerank tokenize: the ids of texts, a line each, by a model's tokenizer alone.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <vector>

#include "apps/rerank/command.h"
#include "apps/rerank/flags/engine_flags.h"
#include "apps/rerank/input/line_reader.h"
#include "apps/rerank/interruption.h"
#include "apps/rerank/output/output_stream.h"
#include "checkpoint/model_location.h"
#include "text/json_view.h"
#include "tokenizer/tokenizer.h"

namespace rerank::cli {
namespace {

constexpr const char* kTokenizeExamples = R"(Examples:
  echo 'edit photos' | rerank tokenize -m demo
  rerank tokenize --tokenizer tokenizer.json --input-format jsonl --parse-special-tokens texts.jsonl

Writes one line per text: a JSON array of token ids. Input format text: each line is a text, ending in LF or CR LF;
jsonl: each line is an object whose field "text" is the text, and blank lines are skipped. Only the tokenizer is
loaded, not the weights. The prompt and the length limits are not applied.)";

struct TokenizeOptions {
  std::string model;
  std::string tokenizer;
  std::string input = "-";
  std::string input_format = "text";
  bool parse_special_tokens = false;
};

std::string as_json(const std::vector<std::int32_t>& ids) {
  fmt::memory_buffer text;
  text.push_back('[');
  for (std::size_t index = 0; index < ids.size(); ++index) {
    if (index > 0) text.push_back(',');
    fmt::format_to(fmt::appender(text), "{}", ids[index]);
  }
  text.push_back(']');
  text.push_back('\n');
  return fmt::to_string(text);
}

int tokenize(const TokenizeOptions& options) {
  if (options.model.empty() && options.tokenizer.empty()) {
    throw UsageError("no tokenizer given; add -m MODEL or --tokenizer FILE");
  }
  const Tokenizer tokenizer = Tokenizer::load(tokenizer_location(options.model, options.tokenizer));
  const SpecialTokens special = options.parse_special_tokens ? SpecialTokens::kParse : SpecialTokens::kAsText;
  const bool is_jsonl = options.input_format == "jsonl";
  LineReader lines(options.input);
  OutputStream& output = standard_output();
  std::string_view line;
  std::vector<std::int32_t> ids;
  for (;;) {
    if (lines.would_wait()) output.flush();
    if (!lines.next(line)) break;
    stop_if_interrupted();
    ids.clear();
    if (!is_jsonl) {
      tokenizer.encode(line, special, ids);
    } else if (line.find_first_not_of(" \t") != std::string_view::npos) {
      const std::string place = lines.place();
      const boost::json::value object = parse_json_line(line, place);
      tokenizer.encode(JsonView(object, place).at("text").string(), special, ids);
    } else {
      continue;
    }
    output.write(as_json(ids));
  }
  output.flush();
  return kDone;
}

}  // namespace

void add_tokenize(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("tokenize", "Print the token ids of texts");
  auto options = std::make_shared<TokenizeOptions>();
  add_model_flag(*command, options->model)->required(false);
  command->add_option("--tokenizer", options->tokenizer, "tokenizer.json to use; no model is needed then")
      ->type_name("FILE");
  command->add_option("FILE", options->input, "file of texts; default, and -: standard input");
  add_choice(*command, "--input-format", options->input_format, {"text", "jsonl"}, "default text");
  command->add_flag("--parse-special-tokens", options->parse_special_tokens,
                    "parse text such as <|im_end|> as control tokens");
  command->footer(kTokenizeExamples);
  command->callback([options, &action] { action = [options] { return tokenize(*options); }; });
}

}  // namespace rerank::cli
