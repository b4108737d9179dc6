// Flags that scripts for `vllm serve` hold and that have one answer here: they are taken when they ask for
// what this program does anyway.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstdio>

#include "apps/rerank/command.h"
#include "apps/rerank/flags/engine_flags.h"
#include "apps/rerank/flags/number_flags.h"
#include "apps/rerank/flags/serve_flags.h"
#include "rerank/error.h"
#include "text/strict_json.h"

namespace rerank::cli {
namespace {

constexpr const char* kVllmGroup = "Compatibility with vllm serve";

void require_one_of(const std::string& value, std::initializer_list<const char*> fitting, const char* flag) {
  if (value.empty() || std::find(fitting.begin(), fitting.end(), value) != fitting.end()) return;
  throw UsageError(fmt::format("{} {}: this program only scores pairs; remove the flag", flag, value));
}

bool is_list_of(const boost::json::value& value, std::initializer_list<const char*> words) {
  if (!value.is_array() || value.get_array().size() != words.size()) return false;
  return std::equal(words.begin(), words.end(), value.get_array().begin(),
                    [](const char* word, const auto& element) {
                      return element.is_string() && element.get_string() == word;
                    });
}

// Only what makes vLLM compute what this program computes by itself.
void check_overrides(const std::string& text) {
  if (text.empty()) return;
  boost::json::object object;
  try {
    object = parse_json_object(text, "--hf-overrides", {.advice = "correct it"});
  } catch (const Error& error) {
    throw UsageError(error.what());
  }
  for (const auto& [key, value] : object) {
    const bool is_fitting =
        (key == "architectures" && is_list_of(value, {"Qwen3ForSequenceClassification"})) ||
        (key == "classifier_from_token" && is_list_of(value, {"no", "yes"})) ||
        (key == "is_original_qwen3_reranker" && value.is_bool() && value.get_bool());
    if (!is_fitting) {
      throw UsageError(
          fmt::format("--hf-overrides: \"{}\" changes the model in a way that is not supported; only the "
                      "classifier from the tokens \"no\" and \"yes\" is, and it is the default",
                      std::string_view(key)));
    }
  }
}

}  // namespace

void add_vllm_flags(CLI::App& command, ServeFlags& flags) {
  const auto add = [&](const char* name, auto& value, const char* type, const char* description) {
    command.add_option(name, value, description)->type_name(type)->group(kVllmGroup);
  };
  add("--task", flags.task, "NAME", "score, auto or classify");
  add("--runner", flags.runner, "NAME", "pooling or auto");
  add("--convert", flags.convert, "NAME", "classify, none or auto");
  add("--hf-overrides", flags.hf_overrides, "JSON",
      "only the classifier from the tokens \"no\" and \"yes\", which is the default");
  add("--chat-template", flags.chat_template, "FILE", "ignored: the prompt is built in, see --prompt-suffix");
  add_count(command, "--seed", flags.seed, whole_numbers(0, ranges::kMostWholeNumber),
            "ignored: scoring is not random")
      ->group(kVllmGroup);
  command
      .add_flag("--trust-remote-code", flags.trust_remote_code,
                "ignored: code from model repositories is never run")
      ->group(kVllmGroup);
}

void check_vllm_flags(const ServeFlags& flags) {
  require_one_of(flags.task, {"score", "auto", "classify"}, "--task");
  require_one_of(flags.runner, {"pooling", "auto"}, "--runner");
  require_one_of(flags.convert, {"classify", "none", "auto"}, "--convert");
  check_overrides(flags.hf_overrides);
  if (!flags.chat_template.empty()) {
    std::fputs(
        "rerank: --chat-template is ignored because the prompt is built in; use --prompt-suffix vllm for the "
        "ending of vLLM's own template\n",
        stderr);
  }
}

std::vector<std::string> listed_words(const std::string& given, const char* flag) {
  if (!given.starts_with('[')) return {given};
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(given, error);
  std::vector<std::string> words;
  if (!error && value.is_array()) {
    for (const boost::json::value& element : value.get_array()) {
      if (element.is_string()) words.emplace_back(element.get_string());
    }
    if (words.size() == value.get_array().size()) return words;
  }
  throw UsageError(
      fmt::format("{} {}: expected a JSON list of strings, such as [\"https://example.com\"]", flag, given));
}

}  // namespace rerank::cli
