// Writes the prompt file, see prompt_file.h.
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "prompt/prompt_file.h"
#include "prompt/prompt_text.h"
#include "prompt/split_prompt.h"

namespace rerank {
namespace {

namespace json = boost::json;

bool is_same(const PromptText& a, const PromptText& b) {
  return a.words == b.words && a.field == b.field && a.needs_instruction == b.needs_instruction;
}

bool is_same(const PromptPiece& a, const PromptPiece& b) {
  return a.times_outside_limit == b.times_outside_limit &&
         std::ranges::equal(a.texts, b.texts, [](const auto& x, const auto& y) { return is_same(x, y); });
}

json::value prompt_value(const Prompt& prompt) {
  std::vector<PromptText> whole;
  for (const PromptPiece& piece : prompt.pieces) {
    whole.insert(whole.end(), piece.texts.begin(), piece.texts.end());
  }
  whole = joined_texts(whole);
  if (std::ranges::equal(split_prompt(whole), prompt.pieces,
                         [](const auto& a, const auto& b) { return is_same(a, b); })) {
    return json::string(print_prompt_text(whole));
  }
  json::array pieces;
  for (const PromptPiece& piece : prompt.pieces) {
    json::string text(print_prompt_text(piece.texts));
    if (piece.times_outside_limit == 0) {
      pieces.emplace_back(std::move(text));
    } else {
      pieces.emplace_back(
          json::object{{"text", std::move(text)}, {"times_outside_limit", piece.times_outside_limit}});
    }
  }
  return pieces;
}

json::value answer_value(const AnswerToken& answer) {
  return answer.id >= 0 ? json::value(answer.id) : json::value(json::string(answer.word));
}

json::value answers_value(const Answers& answers) {
  if (!answers.yes.is_given()) return "none";
  json::object value{{"yes", answer_value(answers.yes)}};
  if (answers.no.is_given()) value["no"] = answer_value(answers.no);
  return value;
}

std::string score_text(const ScoreFunction& score) {
  if (score.shift == 0 && score.scale == 1) return score.sigmoid ? "\"sigmoid\"" : "\"logit\"";
  return fmt::format("{{{}\"shift\": {}, \"scale\": {}}}", score.sigmoid ? "" : "\"sigmoid\": false, ",
                     score.shift, score.scale);
}

}  // namespace

std::string write_prompt_file(const DeclaredPrompt& declared) {
  const Prompt& prompt = declared.prompt;
  std::string text;
  const auto add = [&text](std::string_view key, std::string_view value) {
    text += fmt::format("{}\"{}\": {}", text.empty() ? "{\n  " : ",\n  ", key, value);
  };
  if (!prompt.name.empty()) add("name", json::serialize(json::string(prompt.name)));
  add("prompt", json::serialize(prompt_value(prompt)));
  if (!prompt.default_instruction.empty()) {
    add("default_instruction", json::serialize(json::string(prompt.default_instruction)));
  }
  add("answers", json::serialize(answers_value(declared.answers)));
  add("score", score_text(declared.score));
  add("text_limit", std::to_string(prompt.default_text_limit));
  if (prompt.query_percent != 0) add("query_percent", std::to_string(prompt.query_percent));
  if (prompt.document_within_text_limit) add("document_within_text_limit", "true");
  return text + "\n}\n";
}

}  // namespace rerank
