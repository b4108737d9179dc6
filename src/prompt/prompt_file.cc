#include "prompt/prompt_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>
#include <vector>

#include "base/nearest_name.h"
#include "prompt/prompt_text.h"
#include "prompt/split_prompt.h"
#include "text/json_view.h"

namespace rerank {
namespace {

constexpr std::int32_t kMostTokens = 1 << 24;

int count(const Prompt& prompt, PromptField field) {
  std::ptrdiff_t found = 0;
  for (const PromptPiece& piece : prompt.pieces) {
    found += std::ranges::count_if(piece.texts, [field](const PromptText& t) { return t.field == field; });
  }
  return static_cast<int>(found);
}

std::vector<PromptText> read_text(const JsonView& value) {
  return parse_prompt_text(value.string(), value.name());
}

PromptPiece read_piece(const JsonView& value) {
  if (value.is_string()) return {.texts = read_text(value)};
  value.allow_only({"text", "times_outside_limit"});
  PromptPiece piece{.texts = read_text(value.at("text")),
                    .times_outside_limit = value.integer_or("times_outside_limit", 0, 0, 100)};
  const auto varies = [](const PromptText& t) {
    return t.field != PromptField::kNone || t.needs_instruction;
  };
  if (piece.times_outside_limit > 0 && std::ranges::any_of(piece.texts, varies)) {
    value.at("times_outside_limit")
        .refuse("is only for a text without placeholders: the limit may not depend on the texts");
  }
  return piece;
}

void check_fields(const Prompt& prompt, const JsonView& value) {
  for (const auto& [field, placeholder] :
       {std::pair{PromptField::kQuery, "{query}"}, std::pair{PromptField::kDocument, "{document}"}}) {
    const int found = count(prompt, field);
    if (found != 1) value.refuse(fmt::format("has {} {} times; it should have it once", placeholder, found));
  }
  if (!separates_pair(prompt.pieces)) value.refuse(kNoPlaceBetweenPair);
  if (count(prompt, PromptField::kInstruction) > 1) value.refuse("has {instruction} more than once");
}

bool is_name(const JsonView& prompt) {
  return prompt.is_string() && prompt.string().find('{') == std::string_view::npos;
}

const DeclaredPrompt& built_in(const JsonView& wanted, std::span<const BuiltInPrompt> built_ins) {
  std::vector<std::string> names;
  for (const BuiltInPrompt& known : built_ins) {
    if (known.name == wanted.string()) return known.declared;
    names.push_back(known.name);
  }
  wanted.refuse(
      fmt::format("is the unknown prompt {}; give the name of a built-in prompt, or a text with {{query}} "
                  "and {{document}} in it{}",
                  wanted.quoted(), suggestion(wanted.string(), names)));
}

// What "prompt" says: a name, a text, or texts that are encoded apart.
DeclaredPrompt read_prompt(const JsonView& value, std::span<const BuiltInPrompt> built_ins) {
  if (is_name(value)) return built_in(value, built_ins);
  DeclaredPrompt declared;
  if (value.is_string()) {
    declared.prompt.pieces = split_prompt(read_text(value));
  } else if (value.is_array()) {
    for (std::size_t i = 0; i < value.array().size(); ++i) {
      PromptPiece piece = read_piece(value.element(i));
      if (!piece.texts.empty()) declared.prompt.pieces.push_back(std::move(piece));
    }
  } else {
    value.refuse("should be a text or a list of texts, not " + value.quoted());
  }
  check_fields(declared.prompt, value);
  return declared;
}

AnswerToken read_answer(const JsonView& keys, std::string_view key) {
  const std::optional<JsonView> value = keys.find(key);
  if (!value) return {};
  if (!value->is_string()) return {.id = value->integer(0, INT32_MAX)};
  if (value->string().empty()) value->refuse("is empty; give a word, or the id of a token");
  return {.word = std::string(value->string())};
}

Answers read_answers(const JsonView& value) {
  if (value.is_string() && value.string() == "none") return {};
  if (!value.is_object()) {
    value.refuse("should be {\"yes\": \"yes\", \"no\": \"no\"}, or \"none\" for a classification head, not " +
                 value.quoted());
  }
  value.allow_only({"yes", "no"});
  const Answers answers{.yes = read_answer(value, "yes"), .no = read_answer(value, "no")};
  if (!answers.yes.is_given())
    value.refuse("lacks the key \"yes\", the word or token whose logit is the answer");
  return answers;
}

float real_or(const JsonView& keys, std::string_view key, float otherwise) {
  const std::optional<JsonView> value = keys.find(key);
  if (!value) return otherwise;
  const auto number = static_cast<float>(value->number());
  if (!std::isfinite(number)) value->refuse("is too large");
  return number;
}

ScoreFunction read_score(const JsonView& value) {
  if (value.is_string() && value.string() == "sigmoid") return {};
  if (value.is_string() && value.string() == "logit") return {.sigmoid = false};
  if (!value.is_object()) {
    value.refuse(
        "should be \"sigmoid\", \"logit\", or {\"shift\": a, \"scale\": b} for sigmoid((logit - a) / b), "
        "not " +
        value.quoted());
  }
  value.allow_only({"sigmoid", "shift", "scale"});
  const ScoreFunction score{.sigmoid = value.boolean_or("sigmoid", true),
                            .shift = real_or(value, "shift", 0),
                            .scale = real_or(value, "scale", 1)};
  if (!(score.scale > 0)) value.at("scale").refuse("should be above 0");
  return score;
}

void read_limits(const JsonView& file, Prompt& prompt) {
  prompt.default_text_limit = file.integer_or("text_limit", prompt.default_text_limit, 0, kMostTokens);
  prompt.query_percent = file.integer_or("query_percent", prompt.query_percent, 0, 100);
  prompt.document_within_text_limit =
      file.boolean_or("document_within_text_limit", prompt.document_within_text_limit);
}

}  // namespace

DeclaredPrompt read_prompt_file(std::string_view text, std::string_view file_name,
                                std::span<const BuiltInPrompt> built_ins) {
  const boost::json::value value = parse_strict_json(text, file_name, {.advice = "correct it there"});
  const JsonView file(value, file_name);
  file.allow_only({"name", "prompt", "default_instruction", "answers", "score", "text_limit", "query_percent",
                   "document_within_text_limit"});
  const std::optional<JsonView> prompt = file.find("prompt");
  if (!prompt) file.refuse("lacks the key \"prompt\", a text with {query} and {document} in it");
  DeclaredPrompt declared = read_prompt(*prompt, built_ins);
  declared.prompt.name = file.string_or("name", declared.prompt.name);
  if (const std::optional<JsonView> instruction = file.find("default_instruction")) {
    if (!instruction->string().empty() && count(declared.prompt, PromptField::kInstruction) == 0) {
      instruction->refuse("needs the placeholder {instruction} in the prompt");
    }
    declared.prompt.default_instruction = instruction->string();
  }
  read_limits(file, declared.prompt);
  if (const std::optional<JsonView> answers = file.find("answers")) {
    declared.answers = read_answers(*answers);
  } else if (!is_name(*prompt)) {
    file.refuse(
        "lacks the key \"answers\": {\"yes\": \"yes\", \"no\": \"no\"}, or \"none\" for a classification "
        "head");
  }
  if (const std::optional<JsonView> score = file.find("score")) declared.score = read_score(*score);
  return declared;
}

}  // namespace rerank
