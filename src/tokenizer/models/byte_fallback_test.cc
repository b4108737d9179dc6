// Tokenizers with byte fallback, like Gemma's: characters, bytes, and texts that are not cut into words.
#include "tokenizer/models/byte_fallback.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "tests/support/error_of.h"
#include "tokenizer/small_tokenizer.h"
#include "tokenizer/text_encoding.h"
#include "tokenizer/tokenizer.h"

namespace rerank {
namespace {

using boost::json::object;
using testing::ElementsAre;
using testing::HasSubstr;
using Merges = std::vector<std::pair<std::string, std::string>>;

const std::vector<std::string> kCharacters = {"a", "b", "c", "\u2581", "\n", "\u00e9", "\u5317", "<", ">"};
const Merges kMerges = {{"\u2581", "\u2581"}, {"a", "b"},      {"\u2581", "ab"}, {"b", "c"},
                        {"ab", "a"},          {"\n", "\n"},    {"b", "a"},       {"\u5317", "a"},
                        {"\u00e9", "\u00e9"}, {"\u2581", "a"}, {"ba", "b"},      {"c", "c"}};

Tokenizer make(const object& document) {
  return Tokenizer::parse(boost::json::serialize(document), "t.json");
}

object small() {
  object document = small_fallback_document(kCharacters, kMerges);
  document["added_tokens"] = {small_added_token(277, "<s>", "special")};
  return document;
}

std::vector<int32_t> encode(const Tokenizer& tokenizer, std::string_view text,
                            SpecialTokens special = SpecialTokens::kAsText) {
  std::vector<int32_t> ids;
  tokenizer.encode(text, special, ids);
  return ids;
}

// The id of a token as written in the file.
int32_t id_of(const Tokenizer& tokenizer, const char* written) {
  return tokenizer.token_id(written).value_or(-1);
}

TEST(ByteFallback, CharactersBytesAndSpaces) {
  const Tokenizer tokenizer = make(small());
  const auto id = [&](const char* written) { return id_of(tokenizer, written); };
  EXPECT_THAT(encode(tokenizer, "ab ab  c"),
              ElementsAre(id("ab"), id("\u2581ab"), id("\u2581\u2581"), id("c")));
  EXPECT_THAT(encode(tokenizer, "aXb\u00fc"), ElementsAre(id("a"), 'X', id("b"), 0xc3, 0xbc));
  EXPECT_THAT(encode(tokenizer, "\U0001f600"), ElementsAre(0xf0, 0x9f, 0x98, 0x80));
  EXPECT_THAT(encode(tokenizer, "<0x41>"), ElementsAre(id("<"), '0', 'x', '4', '1', id(">")))
      << "the text of a byte token is not that byte";
  EXPECT_THAT(encode(tokenizer, "\u2581ab"), ElementsAre(id("\u2581ab")));
  EXPECT_THAT(encode(tokenizer, ""), ElementsAre());
  EXPECT_EQ(tokenizer.decode(encode(tokenizer, "ab \u00fc c")), "ab \u00fc c");
}

TEST(ByteFallback, PiecesStandWhereTheyCameFrom) {
  const Tokenizer tokenizer = make(small());
  std::string line;
  for (const TokenPiece& piece : tokenizer.pieces("b ab\u00fc  a", SpecialTokens::kAsText)) {
    line += "'" + piece.text + "' " + std::to_string(piece.start) + ".." + std::to_string(piece.stop) + "; ";
  }
  EXPECT_EQ(line, "'b' 0..1; ' ab' 1..4; '\u00fc' 4..5; '\u00fc' 4..5; '  ' 5..7; 'a' 7..8; ");
}

// Tokens of the model that are also added tokens, such as Gemma's line breaks, are text; control tokens are
// not.
TEST(ByteFallback, UserDefinedSymbolsAreText) {
  object document = small_fallback_document(kCharacters, {});
  object& vocab = document["model"].as_object()["vocab"].as_object();
  vocab["<b>"] = 265;
  vocab["<s>"] = 266;
  document["added_tokens"] = {small_added_token(265, "<b>"), small_added_token(266, "<s>", "special"),
                              small_added_token(267, "<c>")};
  const Tokenizer tokenizer = make(document);
  const auto id = [&](const char* written) { return id_of(tokenizer, written); };
  EXPECT_THAT(encode(tokenizer, "a<b><s>"), ElementsAre(id("a"), 265, id("<"), 's', id(">")));
  EXPECT_THAT(encode(tokenizer, "<c>"), ElementsAre(id("<"), id("c"), id(">")));
  EXPECT_THAT(encode(tokenizer, "a<b><s><c>", SpecialTokens::kParse), ElementsAre(id("a"), 265, 266, 267));
  EXPECT_EQ(tokenizer.pieces("a<b><s>", SpecialTokens::kAsText).size(), 5u);
}

// Applies merges to the whole text, one after the other.
std::vector<std::string> merged_at_once(std::vector<std::string> symbols) {
  for (;;) {
    size_t best = kMerges.size();
    size_t at = 0;
    for (size_t i = 0; i + 1 < symbols.size(); ++i) {
      const auto merge = std::ranges::find(kMerges, std::pair(symbols[i], symbols[i + 1]));
      const auto rank = static_cast<size_t>(merge - kMerges.begin());
      if (rank < best) best = rank, at = i;
    }
    if (best == kMerges.size()) return symbols;
    symbols[at] += symbols[at + 1];
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(at) + 1);
  }
}

TEST(ByteFallback, CutsChangeNothing) {
  const Tokenizer tokenizer = make(small_fallback_document(kCharacters, kMerges));
  for (std::uint32_t seed = 0; seed < 3000; ++seed) {
    std::mt19937 random(seed);
    std::vector<std::string> symbols;
    std::string text;
    for (size_t i = random() % 120; i > 0; --i) {
      symbols.push_back(kCharacters[random() % (random() % 2 == 0 ? 4 : kCharacters.size())]);
      text += symbols.back();
    }
    std::vector<int32_t> expected;
    for (const std::string& token : merged_at_once(symbols)) expected.push_back(*tokenizer.token_id(token));
    ASSERT_EQ(encode(tokenizer, text), expected) << text;
    TextEncoding encoding(tokenizer, {{text}}, SIZE_MAX, 1 + random() % 20);
    while (!encoding.advance()) {
    }
    ASSERT_EQ(encoding.ids(), expected) << text;
  }
}

TEST(ByteFallback, LongTextIsCutWhereNoMergeJoins) {
  const Tokenizer tokenizer = make(small_fallback_document(kCharacters, kMerges));
  std::string text;
  while (text.size() < (1u << 20)) text += "abab bca abc \u5317";
  const std::vector<int32_t> ids = encode(tokenizer, text);
  EXPECT_EQ(tokenizer.decode(ids), text);
  EXPECT_THAT(error_of([&] { encode(tokenizer, std::string(1 << 17, 'c')); }),
              HasSubstr("a stretch of more than 32768 bytes"));
  EXPECT_EQ(encode(tokenizer, std::string(1 << 17, 'a')).size(), 1u << 17) << "no merge joins two of them";
}

TEST(ByteFallback, KnowsWhereATextMayBeEncodedApart) {
  const Tokenizer tokenizer = make(small());
  EXPECT_TRUE(tokenizer.splits_between("c", "a"));
  EXPECT_FALSE(tokenizer.splits_between("c a", "b c"));
  EXPECT_FALSE(tokenizer.splits_between("c ", "a")) << "a space is U+2581";
  EXPECT_TRUE(tokenizer.splits_between("a", " "));
  EXPECT_TRUE(tokenizer.splits_between("a<s>", "b"));
  EXPECT_FALSE(tokenizer.splits_between("a<", "s"));
}

TEST(ByteFallback, WhatIsNotDoneIsRefusedByName) {
  const auto refusal = [](const char* path, const char* key, const boost::json::value& value) {
    object document = small();
    object& place = path == std::string() ? document : document[path].as_object();
    place[key] = value;
    return error_of([&] { make(document); });
  };
  EXPECT_THAT(refusal("", "normalizer", {{"type", "NFKD"}}), HasSubstr("\"NFKD\""));
  EXPECT_THAT(refusal("normalizer", "pattern", {{"Regex", " +"}}),
              HasSubstr("normalizer.pattern.Regex is not supported"));
  EXPECT_THAT(refusal("normalizer", "pattern", {{"String", "ab"}}), HasSubstr("should be one character"));
  EXPECT_THAT(refusal("pre_tokenizer", "pattern", {{"String", "a"}}), HasSubstr("cuts text"));
  EXPECT_THAT(refusal("", "pre_tokenizer", {{"type", "ByteLevel"}}), HasSubstr("\"ByteLevel\""));
  EXPECT_THAT(refusal("", "decoder", {{"type", "Strip"}}), HasSubstr("\"Strip\""));
  EXPECT_THAT(refusal("model", "ignore_merges", true), HasSubstr("model.ignore_merges"));
  EXPECT_THAT(refusal("", "added_tokens", {small_added_token(256, "a", "normalized")}),
              HasSubstr("added_tokens[0].normalized is true"));
  object document = small();
  document["model"].as_object()["vocab"].as_object().erase("<0x80>");
  EXPECT_THAT(error_of([&] { make(document); }), HasSubstr("no token for the byte 0x80"));
  document = small_fallback_document({"a"}, {{"<0x41>", "a"}});
  EXPECT_THAT(error_of([&] { make(document); }),
              HasSubstr("model.merges[0] is a merge of nothing or of bytes"));
}

}  // namespace
}  // namespace rerank
