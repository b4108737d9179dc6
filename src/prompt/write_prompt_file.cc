// Writes the prompt file, see prompt_file.h.
#include <algorithm>
#include <string>
#include <vector>

#include "prompt/prompt_file.h"
#include "prompt/prompt_text.h"
#include "prompt/split_prompt.h"
#include "text/json_writer.h"

namespace rerank {
namespace {

bool is_same(const PromptText& a, const PromptText& b) {
  return a.words == b.words && a.field == b.field && a.needs_instruction == b.needs_instruction;
}

bool is_same(const PromptPiece& a, const PromptPiece& b) {
  return a.times_outside_limit == b.times_outside_limit &&
         std::ranges::equal(a.texts, b.texts, [](const auto& x, const auto& y) { return is_same(x, y); });
}

void write_prompt(const Prompt& prompt, JsonWriter& json) {
  std::vector<PromptText> whole;
  for (const PromptPiece& piece : prompt.pieces) {
    whole.insert(whole.end(), piece.texts.begin(), piece.texts.end());
  }
  whole = joined_texts(whole);
  if (std::ranges::equal(split_prompt(whole), prompt.pieces,
                         [](const auto& a, const auto& b) { return is_same(a, b); })) {
    json.string(print_prompt_text(whole));
    return;
  }
  json.begin_array();
  for (const PromptPiece& piece : prompt.pieces) {
    const std::string text = print_prompt_text(piece.texts);
    if (piece.times_outside_limit == 0) {
      json.string(text);
    } else {
      json.begin_object().key("text").string(text);
      json.key("times_outside_limit").number(piece.times_outside_limit).end_object();
    }
  }
  json.end_array();
}

void write_answer(const AnswerToken& answer, JsonWriter& json) {
  answer.id >= 0 ? json.number(answer.id) : json.string(answer.word);
}

void write_answers(const Answers& answers, JsonWriter& json) {
  if (!answers.yes.is_given()) {
    json.string("none");
    return;
  }
  write_answer(answers.yes, json.begin_object().key("yes"));
  if (answers.no.is_given()) write_answer(answers.no, json.key("no"));
  json.end_object();
}

void write_score(const ScoreFunction& score, JsonWriter& json) {
  if (score.shift == 0 && score.scale == 1) {
    json.string(score.sigmoid ? "sigmoid" : "logit");
    return;
  }
  json.begin_object();
  if (!score.sigmoid) json.key("sigmoid").boolean(false);
  json.key("shift").real(score.shift).key("scale").real(score.scale).end_object();
}

}  // namespace

std::string write_prompt_file(const DeclaredPrompt& declared) {
  const Prompt& prompt = declared.prompt;
  JsonWriter json = JsonWriter::with_lines();
  json.begin_object();
  if (!prompt.name.empty()) json.key("name").string(prompt.name);
  write_prompt(prompt, json.key("prompt"));
  if (!prompt.default_instruction.empty()) json.key("default_instruction").string(prompt.default_instruction);
  write_answers(declared.answers, json.key("answers"));
  write_score(declared.score, json.key("score"));
  json.key("text_limit").number(prompt.default_text_limit);
  if (prompt.query_percent != 0) json.key("query_percent").number(prompt.query_percent);
  if (prompt.document_within_text_limit) json.key("document_within_text_limit").boolean(true);
  return json.end_object().take() + "\n";
}

}  // namespace rerank
