// Everything that a model directory declares about scoring: the prompt, the answer tokens whose logits count,
// and the score function.
#pragma once

#include <cstdint>
#include <string>

#include "prompt/prompt.h"
#include "prompt/score_function.h"

namespace rerank {

// A token of the vocabulary, by its id or by a word that encodes to just that token.
struct AnswerToken {
  std::string word;
  std::int32_t id = -1;  // -1: the token of `word`

  bool is_given() const { return id >= 0 || !word.empty(); }
  bool operator==(const AnswerToken&) const = default;
};

// The logit of a pair is yes - no, or just yes if there is no `no`. Unused with a classification head.
struct Answers {
  AnswerToken yes;
  AnswerToken no;

  bool operator==(const Answers&) const = default;
};

struct DeclaredPrompt {
  Prompt prompt;
  Answers answers;
  ScoreFunction score;
};

}  // namespace rerank
