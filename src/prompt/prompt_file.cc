#include "prompt/prompt_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <cmath>
#include <initializer_list>
#include <optional>
#include <vector>

#include "base/nearest_name.h"
#include "base/shown_text.h"
#include "prompt/prompt_text.h"
#include "prompt/split_prompt.h"
#include "rerank/error.h"
#include "text/strict_json.h"

namespace rerank {
namespace {

namespace json = boost::json;

constexpr std::int32_t kMostTokens = 1 << 24;

// An object of the file and what it is called in messages.
class Keys {
 public:
  Keys(const json::value& value, std::string name, std::initializer_list<std::string_view> known)
      : name_(std::move(name)) {
    if (!value.is_object()) refuse(fmt::format("is {}, not an object", shown_text(value)));
    object_ = &value.get_object();
    const std::vector<std::string> names(known.begin(), known.end());
    for (const json::key_value_pair& member : *object_) {
      if (std::ranges::find(names, std::string_view(member.key())) != names.end()) continue;
      throw Error(ErrorCode::kInvalidArgument,
                  fmt::format("{}: unknown key \"{}\"{}", name_, shown_text(std::string_view(member.key())),
                              suggestion(member.key(), names)));
    }
  }

  // nullptr if the key is not there. REQUIRES: a known key
  const json::value* find(std::string_view key) const { return object_->if_contains(key); }
  std::string name_of(std::string_view key) const { return fmt::format("{}: \"{}\"", name_, key); }

  std::optional<std::string> text(std::string_view key) const {
    const json::value* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_string()) refuse_value(key, *value, "should be a text");
    return std::string(value->get_string());
  }

  std::optional<std::int32_t> number(std::string_view key, std::int32_t most) const {
    const json::value* value = find(key);
    if (value == nullptr) return std::nullopt;
    if (!value->is_int64() || value->get_int64() < 0 || value->get_int64() > most) {
      refuse_value(key, *value, fmt::format("should be a whole number from 0 to {}", most));
    }
    return static_cast<std::int32_t>(value->get_int64());
  }

  std::optional<float> real(std::string_view key) const {
    const json::value* value = find(key);
    if (value == nullptr) return std::nullopt;
    const auto number = value->is_number() ? static_cast<float>(value->to_number<double>()) : NAN;
    if (!std::isfinite(number)) refuse_value(key, *value, "should be a number");
    return number;
  }

  [[noreturn]] void refuse_value(std::string_view key, const json::value& value,
                                 std::string_view what) const {
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{} {}, not {}", name_of(key), what, shown_text(value)));
  }
  [[noreturn]] void refuse(std::string_view what) const {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", name_, what));
  }

 private:
  std::string name_;
  const json::object* object_ = nullptr;
};

int count(const Prompt& prompt, PromptField field) {
  std::ptrdiff_t found = 0;
  for (const PromptPiece& piece : prompt.pieces) {
    found += std::ranges::count_if(piece.texts, [field](const PromptText& t) { return t.field == field; });
  }
  return static_cast<int>(found);
}

PromptPiece read_piece(const json::value& value, const std::string& name) {
  if (value.is_string()) return {.texts = parse_prompt_text(value.get_string(), name)};
  const Keys keys(value, name, {"text", "times_outside_limit"});
  const std::optional<std::string> text = keys.text("text");
  if (!text) keys.refuse("lacks the key \"text\"");
  PromptPiece piece{.texts = parse_prompt_text(*text, keys.name_of("text"))};
  piece.times_outside_limit = keys.number("times_outside_limit", 100).value_or(0);
  const auto varies = [](const PromptText& t) {
    return t.field != PromptField::kNone || t.needs_instruction;
  };
  if (piece.times_outside_limit > 0 && std::ranges::any_of(piece.texts, varies)) {
    keys.refuse("\"times_outside_limit\" is for a text without marks: the limit may not depend on the texts");
  }
  return piece;
}

void check_fields(const Prompt& prompt, const std::string& name) {
  const auto refuse = [&](std::string_view what) {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{} {}", name, what));
  };
  for (const auto& [field, mark] :
       {std::pair{PromptField::kQuery, "{query}"}, std::pair{PromptField::kDocument, "{document}"}}) {
    const int found = count(prompt, field);
    if (found != 1) refuse(fmt::format("has {} {} times; it should have it once", mark, found));
  }
  if (!separates_pair(prompt.pieces)) refuse(kNoPlaceBetweenPair);
  if (count(prompt, PromptField::kInstruction) > 1) refuse("has {instruction} more than once");
}

const DeclaredPrompt& built_in(std::string_view wanted, const std::string& name,
                               std::span<const BuiltInPrompt> built_ins) {
  std::vector<std::string> names;
  for (const BuiltInPrompt& known : built_ins) {
    if (known.name == wanted) return known.declared;
    names.push_back(known.name);
  }
  throw Error(
      ErrorCode::kInvalidArgument,
      fmt::format("{}: unknown prompt {}; give the name of a built-in prompt, or a text with {{query}} "
                  "and {{document}} in it{}",
                  name, shown_text(wanted), suggestion(wanted, names)));
}

// What "prompt" says: a name, a text, or texts that are encoded apart.
DeclaredPrompt read_prompt(const Keys& keys, std::span<const BuiltInPrompt> built_ins) {
  const json::value* value = keys.find("prompt");
  if (value == nullptr) keys.refuse("lacks the key \"prompt\", a text with {query} and {document} in it");
  const std::string name = keys.name_of("prompt");
  DeclaredPrompt declared;
  if (value->is_string()) {
    const std::string_view text = value->get_string();
    if (text.find('{') == std::string_view::npos) return built_in(text, name, built_ins);
    declared.prompt.pieces = split_prompt(parse_prompt_text(text, name));
  } else if (value->is_array()) {
    for (std::size_t i = 0; i < value->get_array().size(); ++i) {
      PromptPiece piece = read_piece(value->get_array()[i], fmt::format("{}[{}]", name, i));
      if (!piece.texts.empty()) declared.prompt.pieces.push_back(std::move(piece));
    }
  } else {
    keys.refuse_value("prompt", *value, "should be a text or a list of texts");
  }
  check_fields(declared.prompt, name);
  return declared;
}

AnswerToken read_answer(const Keys& keys, std::string_view key) {
  const json::value* value = keys.find(key);
  if (value == nullptr) return {};
  if (value->is_string() && !value->get_string().empty()) return {.word = *keys.text(key)};
  if (!value->is_int64()) keys.refuse_value(key, *value, "should be a word or the id of a token");
  return {.id = *keys.number(key, INT32_MAX)};
}

Answers read_answers(const Keys& file) {
  const json::value& value = *file.find("answers");
  if (value.is_string() && value.get_string() == "none") return {};
  if (!value.is_object()) {
    file.refuse_value("answers", value,
                      "should be {\"yes\": \"yes\", \"no\": \"no\"}, or \"none\" for a classification head");
  }
  const Keys keys(value, file.name_of("answers"), {"yes", "no"});
  const Answers answers{.yes = read_answer(keys, "yes"), .no = read_answer(keys, "no")};
  if (!answers.yes.is_given())
    keys.refuse("lacks the key \"yes\", the word or token whose logit is the answer");
  return answers;
}

ScoreFunction read_score(const Keys& file) {
  const json::value& value = *file.find("score");
  if (value.is_string() && value.get_string() == "sigmoid") return {};
  if (value.is_string() && value.get_string() == "logit") return {.sigmoid = false};
  if (!value.is_object()) {
    file.refuse_value(
        "score", value,
        "should be \"sigmoid\", \"logit\", or {\"shift\": a, \"scale\": b} for sigmoid((logit - a) / b)");
  }
  const Keys keys(value, file.name_of("score"), {"sigmoid", "shift", "scale"});
  ScoreFunction score;
  if (const json::value* sigmoid = keys.find("sigmoid")) {
    if (!sigmoid->is_bool()) keys.refuse_value("sigmoid", *sigmoid, "should be true or false");
    score.sigmoid = sigmoid->get_bool();
  }
  score.shift = keys.real("shift").value_or(0);
  score.scale = keys.real("scale").value_or(1);
  if (!(score.scale > 0)) keys.refuse("\"scale\" should be above 0");
  return score;
}

void read_limits(const Keys& keys, Prompt& prompt) {
  prompt.default_text_limit = keys.number("text_limit", kMostTokens).value_or(prompt.default_text_limit);
  prompt.query_percent = keys.number("query_percent", 100).value_or(prompt.query_percent);
  if (const json::value* value = keys.find("document_within_text_limit")) {
    if (!value->is_bool()) keys.refuse_value("document_within_text_limit", *value, "should be true or false");
    prompt.document_within_text_limit = value->get_bool();
  }
}

}  // namespace

DeclaredPrompt read_prompt_file(std::string_view text, std::string_view file,
                                std::span<const BuiltInPrompt> built_ins) {
  const json::value value = parse_strict_json(text, file, {.advice = "correct it there"});
  const Keys keys(value, std::string(file),
                  {"name", "prompt", "default_instruction", "answers", "score", "text_limit", "query_percent",
                   "document_within_text_limit"});
  DeclaredPrompt declared = read_prompt(keys, built_ins);
  const bool is_built_in =
      keys.find("prompt")->is_string() && keys.find("prompt")->get_string().find('{') == json::string::npos;
  if (const std::optional<std::string> name = keys.text("name")) declared.prompt.name = *name;
  if (const std::optional<std::string> instruction = keys.text("default_instruction")) {
    if (!instruction->empty() && count(declared.prompt, PromptField::kInstruction) == 0) {
      keys.refuse("\"default_instruction\" needs the mark {instruction} in the prompt");
    }
    declared.prompt.default_instruction = *instruction;
  }
  read_limits(keys, declared.prompt);
  if (keys.find("answers") != nullptr) {
    declared.answers = read_answers(keys);
  } else if (!is_built_in) {
    keys.refuse(
        "lacks the key \"answers\": {\"yes\": \"yes\", \"no\": \"no\"}, or \"none\" for a classification "
        "head");
  }
  if (keys.find("score") != nullptr) declared.score = read_score(keys);
  return declared;
}

}  // namespace rerank
