// A tokenizer of one token a byte, with the prompt's control tokens and the two answers: enough for an engine
// where the ids do not matter. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>

#include "tokenizer/small_tokenizer.h"
#include "tokenizer/tokenizer.h"

namespace rerank {

// The text of its tokenizer.json.
inline std::string byte_tokenizer_json() {
  boost::json::object document = small_document({{"y", "e"}, {"ye", "s"}, {"n", "o"}});
  boost::json::array added;
  int id = 259;
  for (const char* token : {"<|im_start|>", "<|im_end|>", "<think>", "</think>"}) {
    added.push_back(small_added_token(id++, token, "special"));
  }
  document["added_tokens"] = added;
  return boost::json::serialize(document);
}

inline Tokenizer byte_tokenizer() {
  return Tokenizer::parse(byte_tokenizer_json(), "byte tokenizer");
}

}  // namespace rerank
