// Unigram in an XLM-RoBERTa tokenizer: the best segmentation of a word.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "tests/support/error_of.h"
#include "tokenizer/small_tokenizer.h"
#include "tokenizer/tokenizer.h"

namespace rerank {
namespace {

using boost::json::object;
using testing::ElementsAre;
using testing::HasSubstr;
using Tokens = std::vector<std::pair<std::string, double>>;

Tokenizer make(const object& document) {
  return Tokenizer::parse(boost::json::serialize(document), "t.json");
}

std::vector<int32_t> encode(const Tokenizer& tokenizer, std::string_view text,
                            SpecialTokens special = SpecialTokens::kAsText) {
  std::vector<int32_t> ids;
  tokenizer.encode(text, special, ids);
  return ids;
}

const Tokens kTokens = {{"\u2581", -2},  {"a", -3},  {"b", -3},  {"ab", -4},
                        {"\u2581a", -4}, {"ba", -5}, {"</s>", 0}};

TEST(Unigram, TheLargestSumOfScores) {
  const Tokenizer tokenizer = make(small_unigram_document(kTokens));
  EXPECT_THAT(encode(tokenizer, "ab"), ElementsAre(1, 4)) << "-6, and -7 by the mark with a";
  EXPECT_THAT(encode(tokenizer, "a b"), ElementsAre(5, 1, 3));
  EXPECT_THAT(encode(tokenizer, "xya\u4eac"), ElementsAre(1, 0, 2, 0)) << "unknown neighbours are one";
  EXPECT_THAT(encode(tokenizer, "  "), ElementsAre());
  EXPECT_EQ(tokenizer.decode(encode(tokenizer, "ab  a")), "ab a");
}

TEST(Unigram, TokensAreWhereTheirTextIs) {
  const Tokenizer tokenizer = make(small_unigram_document(kTokens));
  std::string line;
  for (const TokenPiece& piece : tokenizer.pieces("ab\n xy\u4eaca", SpecialTokens::kAsText)) {
    line += std::to_string(piece.id) + " '" + piece.text + "' " + std::to_string(piece.start) + ".." +
            std::to_string(piece.stop) + "; ";
  }
  EXPECT_EQ(line, "1 '' 0..0; 4 'ab' 0..2; 1 '' 4..4; 0 'xy\u4eac' 4..7; 2 'a' 7..8; ");
}

TEST(Unigram, NoTextOfAUserIsASpecialToken) {
  object document = small_unigram_document(kTokens);
  document["added_tokens"] = {small_added_token(7, "</s>", "special single_word")};
  const Tokenizer tokenizer = make(document);
  EXPECT_THAT(encode(tokenizer, "a</s>"), ElementsAre(5, 0));
  EXPECT_THAT(encode(tokenizer, "a </s>", SpecialTokens::kParse), ElementsAre(5, 7));
  EXPECT_THAT(encode(tokenizer, "a</s>", SpecialTokens::kParse), ElementsAre(5, 7))
      << "as in the library: where it is not an added token, it is a token of the model";
}

// Tries every segmentation, adding scores in the order of the tokens; does not break ties.
double best_sum(std::string_view word, const std::map<std::string, double, std::less<>>& scores) {
  if (word.empty()) return 0;
  double best = -1e9;
  for (size_t size = 1; size <= word.size(); ++size) {
    const auto known = scores.find(word.substr(0, size));
    if (known != scores.end()) best = std::max(best, known->second + best_sum(word.substr(size), scores));
  }
  return best;
}

TEST(Unigram, IsAsGoodAsEveryOtherWay) {
  for (std::uint32_t seed = 0; seed < 200; ++seed) {
    std::mt19937 random(seed);
    std::map<std::string, double, std::less<>> scores = {{"_", -5}, {"a", -5}, {"b", -6}, {"c", -7}};
    for (size_t i = random() % 20; i > 0; --i) {
      std::string token;
      for (size_t n = 2 + random() % 3; n > 0; --n) token += static_cast<char>('a' + random() % 3);
      scores[token] = -1.0 - static_cast<double>(random() % 1000) / 64;
    }
    object document = small_unigram_document(Tokens(scores.begin(), scores.end()));
    document["pre_tokenizer"] = object{{"type", "Metaspace"}, {"replacement", "_"}};
    const Tokenizer tokenizer = make(document);
    std::string word;
    for (size_t n = 1 + random() % 12; n > 0; --n) word += static_cast<char>('a' + random() % 3);
    double sum = 0;
    std::string text;
    for (const int32_t id : encode(tokenizer, word)) {
      const auto& token = *std::next(scores.begin(), id - 1);
      sum += token.second;
      text += token.first;
    }
    EXPECT_EQ(text, "_" + word);
    EXPECT_NEAR(sum, best_sum("_" + word, scores), 1e-9) << seed << " " << word;
  }
}

TEST(Unigram, WhatIsNotDoneIsRefusedByName) {
  const auto refusal = [](const char* path, const char* key, const boost::json::value& value) {
    object document = small_unigram_document(kTokens);
    object& place = path == std::string() ? document : document[path].as_object();
    place[key] = value;
    return error_of([&] { make(document); });
  };
  const boost::json::array token = {"a", -1.0};
  EXPECT_THAT(refusal("model", "unk_id", 8), HasSubstr("model.unk_id is not the index of a token"));
  EXPECT_THAT(refusal("model", "unk_id", nullptr), HasSubstr("model lacks the key \"unk_id\""));
  EXPECT_THAT(refusal("model", "byte_fallback", true), HasSubstr("model.byte_fallback is true"));
  EXPECT_THAT(refusal("model", "vocab", boost::json::array{token, token}),
              HasSubstr("model.vocab[1] is the same token as"));
  EXPECT_THAT(refusal("model", "vocab", boost::json::parse(R"([["a"]])")),
              HasSubstr("model.vocab[0] should be a token and its score"));
  EXPECT_THAT(refusal("model", "vocab", boost::json::parse(R"([["a", "b"]])")),
              HasSubstr("model.vocab[0][1] should be a number"));
  EXPECT_THAT(refusal("", "pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "ab"}}),
              HasSubstr("pre_tokenizer.replacement should be one character"));
  EXPECT_THAT(refusal("", "pre_tokenizer", {{"type", "Metaspace"}, {"replacement", "_"}, {"split", false}}),
              HasSubstr("pre_tokenizer.split is false"));
  EXPECT_THAT(refusal("", "pre_tokenizer",
                      {{"type", "Metaspace"}, {"replacement", "_"}, {"prepend_scheme", "first"}}),
              HasSubstr("pre_tokenizer.prepend_scheme is \"first\""));
}

}  // namespace
}  // namespace rerank
