#include "word_text.h"

#include <algorithm>

#include "rerank/error.h"

namespace rerank::benchmarks {

WordText::WordText(const Tokenizer& tokenizer, std::uint64_t seed) : random_(seed) {
  for (std::int32_t id = 0; id < std::min(tokenizer.vocab_size(), 40000); ++id) {
    const std::string token = tokenizer.decode(std::vector{id});
    if (token.size() < 5 || token.size() > 10 || token[0] != ' ') continue;
    const std::string word = token.substr(1);
    if (std::ranges::all_of(word, [](char c) { return c >= 'a' && c <= 'z'; })) words_.push_back(word);
  }
  require(words_.size() >= 100, "the tokenizer has too few whole words to make texts of");
}

std::string WordText::operator()(int num_words) {
  std::string text;
  for (int i = 0; i < num_words; ++i) {
    if (i > 0) text += ' ';
    text += words_[random_() % words_.size()];
  }
  return text;
}

}  // namespace rerank::benchmarks
