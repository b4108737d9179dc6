#include "tokenizer/pre_tokenizers/split_regex.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rerank/error.h"

namespace rerank {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr const char* kQwenPattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";

std::vector<std::string> pieces(const char* pattern, std::string_view text) {
  std::vector<std::string> found;
  SplitRegex(pattern).split(text, [&](std::string_view piece, bool is_match) {
    found.push_back((is_match ? "" : "~") + std::string(piece));
  });
  return found;
}

TEST(SplitRegex, CutsTextAsQwenDoes) {
  EXPECT_THAT(pieces(kQwenPattern, "Hello world, it's 2024!\n\n  ok"),
              ElementsAre("Hello", " world", ",", " it", "'s", " ", "2", "0", "2", "4", "!\n\n", " ", " ok"));
  EXPECT_THAT(pieces(kQwenPattern, "naïve Straße—你好  "), ElementsAre("naïve", " Straße", "—你好", "  "));
  EXPECT_THAT(pieces(kQwenPattern, ""), ElementsAre());
}

TEST(SplitRegex, FoldsCaseWithTheLettersThatAsciiLacks) {
  EXPECT_THAT(pieces("(?i:'s|k)", "'S'sx'\u017f\u212aK"),
              ElementsAre("'S", "'s", "~x", "'\u017f", "\u212a", "K"));
  EXPECT_THAT(pieces("'(?i:[sd])", "'D'\u017f's'x"), ElementsAre("'D", "'\u017f", "'s", "~'x"));
}

TEST(SplitRegex, KnowsUnicode16) {
  EXPECT_THAT(pieces(R"(\p{Lu})", "\u1c89a"), ElementsAre("\u1c89", "~a"));
  EXPECT_THAT(pieces(R"(\s+)", "a\u00a0\u3000\u0085b\u200b"),
              ElementsAre("~a", "\u00a0\u3000\u0085", "~b\u200b"));
  EXPECT_THAT(pieces(R"(\d)", "²٣"), ElementsAre("~²", "٣"));
}

TEST(SplitRegex, ReadsEachConstruct) {
  EXPECT_THAT(pieces(R"(\p{N}{1,3})", "12345"), ElementsAre("123", "45"));
  EXPECT_THAT(pieces(R"([一-龥]+)", "ab漢字c"), ElementsAre("~ab", "漢字", "~c"));
  EXPECT_THAT(pieces(R"([^\S\n]+)", "a \t\n b"), ElementsAre("~a", " \t", "~\n", " ", "~b"));
  EXPECT_THAT(pieces(R"((?:a|ab)(?=c))", "abcac"), ElementsAre("ab", "~c", "a", "~c"));
  EXPECT_THAT(pieces(R"((?>a|ab)c)", "abcac"), ElementsAre("~abc", "ac"));
  EXPECT_THAT(pieces(R"((a+?)(b*?)c)", "aabbcx"), ElementsAre("aabbc", "~x"));
  EXPECT_THAT(pieces(R"(a++a|b)", "aaab"), ElementsAre("~aaa", "b"));
  EXPECT_THAT(pieces(R"([\x{e9}-\x{eb}\]\-])", "éa]-"), ElementsAre("é", "~a", "]", "-"));
  EXPECT_THAT(pieces(R"([+-])", "a-+"), ElementsAre("~a", "-", "+"));
  EXPECT_THAT(pieces(R"(\P{L}|\p{^Ll})", "aA1"), ElementsAre("~a", "A", "1"));
  EXPECT_THAT(pieces(R"([\D])", "1a"), ElementsAre("~1", "a"));
}

TEST(SplitRegex, RefusesWhatMayMeanSomethingElse) {
  const char* patterns[] = {"",        "a*",        "a|",        "a?",           "(?!a)",       "^a",
                            "a$",      ".",         R"(\w)",     R"(\b)",        R"(\1)",       R"(\X)",
                            R"(\R)",   R"(\h)",     "(?<=a)b",   "(?<!a)b",      "(?i)a",       "(?<n>a)",
                            "(?m:a)",  "(*FAIL)",   "a{,3}",     "a{2}+",        "a{2}?",       "a**",
                            "a{",      "a}",        "a]",        "[]a]",         "[[:alpha:]]", "[a[b]]",
                            "[a&&b]",  "[b-a]",     R"([a-\d])", R"(\p{Greek})", R"(\p{L)",     R"(\pL)",
                            R"(\x41)", R"(\u0041)", "(a",        "a)",           "[a",          "(?i:é)",
                            "(?i:st)", "(?i:ss)",   "(?i:s+)",   "(?i:s)(?i:t)", "(?i:[^a])",   R"(\é)",
                            "(a?)+",   "(?=a)+",    "a{3,1}",    "a{0}",         "a{2000}",     R"([^\s\S])",
                            "\\"};
  for (const char* pattern : patterns) {
    try {
      SplitRegex regex(pattern);
      ADD_FAILURE() << "accepted " << pattern;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      EXPECT_THAT(error.what(), HasSubstr(std::string("the pattern `") + pattern + "`"));
    }
  }
}

TEST(SplitRegex, RefusesTooManyKindsOfCharacters) {
  std::string pattern = "[a]";
  for (int i = 0; i < 30; ++i) pattern += "|\\x{" + std::to_string(1000 + i) + "}";
  EXPECT_NO_THROW(SplitRegex{pattern});
  for (int i = 30; i < 90; ++i) pattern += "|\\x{" + std::to_string(1000 + i) + "}";
  EXPECT_THROW(SplitRegex{pattern}, Error);
}

TEST(SplitRegex, TakesLongTextInItsStride) {
  for (std::string unit : {"a", " ", "\n", "é", "1", "=", "a ", "'s"}) {
    std::string text;
    while (text.size() < 1000000) text += unit;
    size_t bytes = 0;
    SplitRegex(kQwenPattern).split(text, [&](std::string_view piece, bool is_match) {
      bytes += piece.size();
      EXPECT_TRUE(is_match);
    });
    EXPECT_EQ(bytes, text.size());
  }
}

}  // namespace
}  // namespace rerank
