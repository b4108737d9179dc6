// Random texts of whole-word tokens, so that a load's token counts are known: N words are N tokens.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace rerank::benchmarks {

class WordText {
 public:
  // The pool: the tokenizer's tokens that are a space and 4 to 9 lower-case ASCII letters, of the commonest
  // 40000.
  WordText(const Tokenizer& tokenizer, std::uint64_t seed);

  std::string operator()(int num_words);

 private:
  std::vector<std::string> words_;
  std::mt19937_64 random_;
};

}  // namespace rerank::benchmarks
