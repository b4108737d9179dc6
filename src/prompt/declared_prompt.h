// All that a text says of how a reranker is asked and how its answer becomes a score: the prompt, the answers
// whose logits count, and what the published score is.
#pragma once

#include <cstdint>
#include <string>

#include "prompt/prompt.h"
#include "prompt/score_function.h"

namespace rerank {

// A token of the vocabulary, by its id or as the word that it is the whole of.
struct AnswerToken {
  std::string word;
  std::int32_t id = -1;  // -1: the one of `word`

  bool is_given() const { return id >= 0 || !word.empty(); }
  bool operator==(const AnswerToken&) const = default;
};

// The logit of a pair is yes - no, or yes alone where there is no `no`. A classification head has neither.
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
