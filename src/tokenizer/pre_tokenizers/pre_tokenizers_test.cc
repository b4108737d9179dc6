// Every pre-tokenizer and sequences of them: the pre-tokens, their origins, and that splitting in pieces
// equals splitting the whole.
#include "tokenizer/pre_tokenizers/pre_tokenizers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <random>
#include <string>
#include <vector>

#include "base/utf8.h"

namespace rerank {
namespace {

using testing::ElementsAre;
using Words = std::vector<std::string>;

PreTokenizers read(const char* steps) {
  const boost::json::value document = boost::json::parse(
      std::string(R"({"pre_tokenizer": {"type": "Sequence", "pretokenizers": [)") + steps + "]}}");
  return read_pre_tokenizers(JsonView(document, "t.json", "")).steps;
}

Words words_of(const PreTokenizers& steps, std::string_view text) {
  Words words;
  steps.split(text, [&](const PreToken& token) { words.emplace_back(token.text); });
  return words;
}

Words split(const char* steps, std::string_view text) {
  return words_of(read(steps), text);
}

constexpr const char* kBert = R"({"type": "BertPreTokenizer"})";
constexpr const char* kWhitespace = R"({"type": "WhitespaceSplit"})";
constexpr const char* kMetaspace = R"({"type": "Metaspace", "replacement": "\u2581"})";
constexpr const char* kXlmRoberta =
    R"({"type": "WhitespaceSplit"}, {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always"})";
constexpr const char* kByteLevel = R"({"type": "ByteLevel", "add_prefix_space": true})";
constexpr const char* kCommas =
    R"({"type": "Split", "pattern": {"Regex": ","}, "behavior": "Isolated"}, {"type": "ByteLevel", "use_regex": false})";

TEST(PreTokenizers, CutAtPatterns) {
  const auto commas = [](const char* behavior, const char* invert, const char* byte_level) {
    return std::string(R"({"type": "Split", "pattern": {"Regex": ","}, "behavior": ")") + behavior +
           R"(", "invert": )" + invert + "}, " + byte_level;
  };
  const char* const plain = R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": false})";
  EXPECT_THAT(split(commas("Isolated", "false", plain).c_str(), "a b,c"), ElementsAre("a b", ",", "c"));
  EXPECT_THAT(split(commas("Removed", "false", plain).c_str(), "a b,c"), ElementsAre("a b", "c"));
  EXPECT_THAT(split(commas("Removed", "true", plain).c_str(), "a b,c"), ElementsAre(","));
  EXPECT_THAT(split(kCommas, "a b, c"), ElementsAre(" a b", " ,", " c")) << "a space before each";
  EXPECT_THAT(split(commas("Isolated", "false", kByteLevel).c_str(), "a b,c"),
              ElementsAre(" a", " b", " ,", " c"));
  EXPECT_THAT(split(kByteLevel, "it's 12"), ElementsAre(" it", "'s", " 12"));
}

TEST(PreTokenizers, CutAtWhiteSpaceAndPunctuation) {
  EXPECT_THAT(split(kBert, " don't  do\u3000that...\n"),
              ElementsAre("don", "'", "t", "do", "that", ".", ".", "."));
  EXPECT_THAT(split(kBert, "a\u2014b$c\u20ac\u4eac"), ElementsAre("a", "\u2014", "b", "$", "c\u20ac\u4eac"))
      << "of symbols, those of ASCII alone";
  EXPECT_THAT(split(kWhitespace, " don't \u00a0 do.\u2028 "), ElementsAre("don't", "do."));
  EXPECT_THAT(split(kWhitespace, " \n"), ElementsAre());
}

TEST(PreTokenizers, MarkSpaces) {
  EXPECT_THAT(split(kMetaspace, "ab  c\n d"), ElementsAre("\u2581ab", "\u2581", "\u2581c\n", "\u2581d"));
  EXPECT_THAT(split(kMetaspace, " a"), ElementsAre("\u2581a"));
  EXPECT_THAT(split(kMetaspace, "\u2581a\u2581b"), ElementsAre("\u2581a", "\u2581b"));
  EXPECT_THAT(split(kXlmRoberta, "ab  c\n d\u2581e"),
              ElementsAre("\u2581ab", "\u2581c", "\u2581d", "\u2581e"));
  EXPECT_THAT(split(R"({"type": "Metaspace", "replacement": "_", "prepend_scheme": "never"})", "ab c_"),
              ElementsAre("ab", "_c", "_"));
}

// The origin of each byte of each pre-token; inserted bytes at the front may have none.
std::string origins(const char* steps, std::string_view text) {
  std::string found;
  read(steps).split(text, [&](const PreToken& token) {
    const auto at = static_cast<size_t>(token.origin - text.data());
    found += std::string(text.substr(at - token.head_origin, token.head_origin)) + "+";
    found += std::string(text.substr(at, token.text.size() - token.head)) + "|";
  });
  return found;
}

TEST(PreTokenizers, KnowWhereTheirTokensComeFrom) {
  EXPECT_EQ(origins(kBert, " it's"), "+it|+'|+s|");
  EXPECT_EQ(origins(kByteLevel, "it's 1"), "+it|+'s|+ 1|");
  EXPECT_EQ(origins(kMetaspace, "ab c"), "+ab| +c|");
  EXPECT_EQ(origins(kMetaspace, " ab  c"), " +ab| +| +c|");
  EXPECT_EQ(origins(kXlmRoberta, "ab \n c"), "+ab|+c|");
  EXPECT_EQ(origins(kCommas, "a,b"), "+a|+,|+b|");
}

// Cut at any place, in the way TextEncoding does it.
TEST(PreTokenizers, CutATextInPiecesAsTheWhole) {
  const std::vector<std::string> bits = {"a",  "bc",     " ",      "  ",     "\n",     "'s",     ".", ",",
                                         "12", "\u2581", "\u00e9", "\u4eac", "\u3000", "\u2014", "_"};
  for (const char* const steps : {kBert, kWhitespace, kMetaspace, kXlmRoberta, kByteLevel, kCommas}) {
    const PreTokenizers pre_tokenizers = read(steps);
    for (std::uint32_t seed = 0; seed < 300; ++seed) {
      std::mt19937 random(seed);
      std::string text;
      for (size_t i = random() % 30; i > 0; --i) text += bits[random() % bits.size()];
      Words words;
      const auto visit = [&](const PreToken& token) { words.emplace_back(token.text); };
      std::string pending = text.empty() ? "" : std::string(pre_tokenizers.prefix_of(text));
      for (size_t at = 0; at < text.size(); at += sequence_bytes(text[at])) {
        pending += text.substr(at, sequence_bytes(text[at]));
        if (random() % 3 == 0) pending.erase(0, pre_tokenizers.split_settled(pending, visit));
      }
      pre_tokenizers.split_rest(pending, visit);
      ASSERT_EQ(words, words_of(pre_tokenizers, text)) << steps << " " << testing::PrintToString(text);
    }
  }
}

}  // namespace
}  // namespace rerank
