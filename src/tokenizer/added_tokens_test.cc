#include "tokenizer/added_tokens.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rerank {
namespace {

using testing::ElementsAre;

// The stretches as text, tokens in brackets.
std::vector<std::string> found(std::vector<AddedToken> tokens, std::string_view text) {
  std::vector<AddedTokenMatcher::Stretch> stretches;
  AddedTokenMatcher(std::move(tokens)).find(text, SIZE_MAX, stretches);
  std::vector<std::string> out;
  for (const auto& stretch : stretches) {
    std::string piece(text.substr(stretch.begin, stretch.end - stretch.begin));
    out.push_back(stretch.id < 0 ? piece : "[" + std::to_string(stretch.id) + ":" + piece + "]");
  }
  return out;
}

AddedToken token(int32_t id, std::string content) {
  return {.id = id, .content = std::move(content)};
}

TEST(AddedTokens, FindsTheLeftmostLongest) {
  EXPECT_THAT(found({token(1, "<a>"), token(2, "<a>b"), token(3, "b")}, "x<a>bb<a"),
              ElementsAre("x", "[2:<a>b]", "[3:b]", "<a"));
  EXPECT_THAT(found({token(1, "ab"), token(2, "abcd"), token(3, "bc")}, "abcx"), ElementsAre("[1:ab]", "cx"));
  EXPECT_THAT(found({token(1, "aab")}, "aaab"), ElementsAre("a", "[1:aab]"));
  EXPECT_THAT(found({token(1, "é")}, "né è"), ElementsAre("n", "[1:é]", " è"));
  EXPECT_THAT(found({token(1, "a")}, ""), ElementsAre());
  EXPECT_THAT(found({}, "abc"), ElementsAre("abc"));
}

TEST(AddedTokens, SingleWordStandsBetweenNonWordCharacters) {
  AddedToken word = token(1, "<m>");
  word.single_word = true;
  EXPECT_THAT(found({word}, "<m> a<m> <m>a .<m>."), ElementsAre("[1:<m>]", " a<m> <m>a .", "[1:<m>]", "."));
  EXPECT_THAT(found({word}, "\u0301<m>"), ElementsAre("\u0301<m>")) << "a mark is a word character";
  EXPECT_THAT(found({word}, "_<m>"), ElementsAre("_<m>"));
  EXPECT_THAT(found({word}, "<m>\u200d"), ElementsAre("<m>\u200d"));
  EXPECT_THAT(found({word}, "²<m>Ⓐ"), ElementsAre("²<m>Ⓐ")) << "circled letters are alphabetic";
  EXPECT_THAT(found({word}, "²<m>😀"), ElementsAre("²", "[1:<m>]", "😀"));
  EXPECT_THAT(found({word, token(2, "m>")}, "a<m>"), ElementsAre("a<m>"))
      << "a discarded token is passed by whole";
}

TEST(AddedTokens, StripTakesWhiteSpaceAlong) {
  AddedToken left = token(1, "L");
  left.lstrip = true;
  AddedToken right = token(2, "R");
  right.rstrip = true;
  EXPECT_THAT(found({left}, "a \u3000\nL b"), ElementsAre("a", "[1: \u3000\nL]", " b"));
  EXPECT_THAT(found({right}, "a R\t \u00a0b"), ElementsAre("a ", "[2:R\t \u00a0]", "b"));
  EXPECT_THAT(found({left, right}, "R  L"), ElementsAre("[2:R  ]", "[1:L]")) << "taken once";
  EXPECT_THAT(found({left}, "\u200bL"), ElementsAre("\u200b", "[1:L]")) << "not white space";
}

TEST(AddedTokens, WhiteSpaceTokensOverlapAsInTheLibrary) {
  AddedToken right = token(2, "R");
  right.rstrip = true;
  AddedToken newline = token(3, "\n");
  EXPECT_THAT(found({right, newline}, "R\n\nq"), ElementsAre("[2:R\n\n]", "[3:\n]", "[3:\n]", "q"));
  newline.lstrip = true;
  EXPECT_THAT(found({right, newline}, "R\n\nq"), ElementsAre("[2:R\n\n]", "q"));
}

}  // namespace
}  // namespace rerank
