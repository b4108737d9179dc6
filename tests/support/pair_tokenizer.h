// A tokenizer of one token a byte that joins pairs as BERT's does, [CLS] A [SEP] B [SEP] with types. For
// tests only.
#pragma once

#include <boost/json.hpp>
#include <string>

#include "prompt/prompt.h"
#include "tokenizer/small_tokenizer.h"
#include "tokenizer/tokenizer.h"

namespace rerank {

inline constexpr std::int32_t kClsId = 256, kSepId = 257;

inline boost::json::object pair_tokenizer_document() {
  boost::json::object document = small_document();
  document["added_tokens"] = {small_added_token(kClsId, "[CLS]", "special"),
                              small_added_token(kSepId, "[SEP]", "special")};
  document["post_processor"] = {
      {"type", "BertProcessing"}, {"sep", {"[SEP]", kSepId}}, {"cls", {"[CLS]", kClsId}}};
  return document;
}

inline Tokenizer pair_tokenizer(const boost::json::object& document = pair_tokenizer_document()) {
  return Tokenizer::parse(boost::json::serialize(document), "tokenizer.json");
}

// Two texts, which the tokenizer joins.
inline Prompt pair_prompt() {
  Prompt prompt;
  prompt.pair = PairTemplate{};
  return prompt;
}

// One text.
inline Prompt joined_pair_prompt() {
  Prompt prompt;
  prompt.pair = PairTemplate{.text = {{"q:", PromptField::kQuery}, {" d:", PromptField::kDocument}}};
  return prompt;
}

}  // namespace rerank
