#include "apps/rerank/commands/bench_words.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>

#include "checkpoint/model_location.h"
#include "rerank/error.h"
#include "tokenizer/tokenizer.h"

namespace rerank::cli {
namespace {

constexpr std::size_t kFewestWords = 100;
constexpr std::size_t kMostWords = 4096;

}  // namespace

std::vector<std::string> words_of_tokenizer(const std::string& given) {
  const bool is_file = given.ends_with(".json");
  const Tokenizer tokenizer = Tokenizer::load(tokenizer_location(is_file ? "" : given, is_file ? given : ""));
  std::vector<std::string> words;
  std::vector<std::int32_t> ids;
  for (std::int32_t id = 0; id < tokenizer.vocab_size() && words.size() < kMostWords; ++id) {
    const std::string token = tokenizer.decode(std::vector{id});
    if (token.size() < 4 || token.size() > 12 || token.front() != ' ') continue;
    const std::string word = token.substr(1);
    if (!std::ranges::all_of(word, [](char letter) { return letter >= 'a' && letter <= 'z'; })) continue;
    ids.clear();
    tokenizer.encode(word, SpecialTokens::kAsText, ids);
    if (ids.size() == 1) words.push_back(word);
  }
  if (words.size() < kFewestWords) {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("--tokenizer {}: only {} of its tokens are whole words, too few to make texts "
                            "of; without the flag, common English words are used",
                            given, words.size()));
  }
  return words;
}

}  // namespace rerank::cli
