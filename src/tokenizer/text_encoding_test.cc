// Encoded in steps and only as far as needed, a text has the first ids of the whole, wherever the steps end.
#include "tokenizer/text_encoding.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "base/utf8.h"
#include "tests/support/character_map.h"
#include "tests/support/test_tokenizer_file.h"
#include "tests/support/under_sanitizer.h"
#include "tokenizer/small_tokenizer.h"

namespace rerank {
namespace {

// Encoded at once, with positions.
std::vector<int32_t> whole_ids(const Tokenizer& tokenizer, const std::string& text, SpecialTokens special) {
  std::vector<int32_t> ids;
  for (const TokenPiece& piece : tokenizer.pieces(text, special)) ids.push_back(piece.id);
  return ids;
}

// Bits of text that react with what comes after them: marks, jamo, spaces before words, apostrophes, digits,
// line breaks, parts of control tokens.
const std::vector<std::string> kBits = {"a",
                                        "I",
                                        "'",
                                        "ll",
                                        "'re",
                                        "word",
                                        " ",
                                        "  ",
                                        "\t",
                                        "\n",
                                        "\r\n",
                                        "\u00a0",
                                        "\u3000",
                                        "\u2028",
                                        "1",
                                        "23",
                                        "\u0664",
                                        "!",
                                        "...",
                                        "-",
                                        "_",
                                        "\u00e9",
                                        "e\u0301",
                                        "\u0323\u0302",
                                        "\u0345",
                                        "\u1112\u1161\u11ab",
                                        "\u1161",
                                        "\ud558",
                                        "\u11ab",
                                        "\uac00",
                                        "\u0958",
                                        "\u212b",
                                        "\u5317\u4eac",
                                        "\u3002",
                                        "\u0e01\u0e33",
                                        "\U0001f600",
                                        "\U0001f468\u200d\U0001f469",
                                        "\u200d",
                                        "\ufe0f",
                                        "\U0001d157\U0001d165",
                                        "\u0915\u094d\u0937",
                                        "\u017f",
                                        "K",
                                        "<|im_end|>",
                                        "<|im",
                                        "<think>",
                                        "https://x.y/z?q=1",
                                        std::string(1, '\0')};

std::string nasty_text(std::mt19937& random, size_t num_bits) {
  std::string text;
  std::string bit;
  for (size_t i = 0; i < num_bits; ++i) {
    if (bit.empty() || random() % 3 != 0) bit = kBits[random() % kBits.size()];
    text += bit;
    if (random() % 40 == 0) {
      const size_t times = random() % 60;
      for (size_t t = 0; t < times; ++t) text += bit;
    }
  }
  return text;
}

// Cuts each part at its added tokens, joins the plain text across parts, and encodes it at once. REQUIRES:
// `tokens` are those of the tokenizer, and none is searched in normalized text.
std::vector<int32_t> whole_ids(const Tokenizer& tokenizer, const std::vector<AddedToken>& tokens,
                               const std::vector<TextPart>& parts) {
  const AddedTokenMatcher matcher(tokens);
  std::vector<int32_t> ids;
  std::string plain;
  const auto append_plain = [&] {
    for (const int32_t id : whole_ids(tokenizer, plain, SpecialTokens::kAsText)) ids.push_back(id);
    plain.clear();
  };
  for (const TextPart& part : parts) {
    std::vector<AddedTokenMatcher::Stretch> stretches = {{0, part.text.size(), -1}};
    if (part.special == SpecialTokens::kParse) {
      stretches.clear();
      matcher.find(part.text, SIZE_MAX, stretches);
    }
    for (const AddedTokenMatcher::Stretch& stretch : stretches) {
      if (stretch.id < 0) {
        plain += part.text.substr(stretch.begin, stretch.end - stretch.begin);
      } else {
        append_plain();
        ids.push_back(stretch.id);
      }
    }
  }
  append_plain();
  return ids;
}

// With any limit and any steps, the ids are the first ids of the whole.
void expect_first_ids(const Tokenizer& tokenizer, const std::vector<TextPart>& parts,
                      const std::vector<int32_t>& whole, std::mt19937& random) {
  for (int i = 0; i < 4; ++i) {
    const size_t limit = random() % 3 == 0 ? SIZE_MAX : random() % (whole.size() + 2);
    TextEncoding encoding(tokenizer, parts, limit, 1 + random() % 70);
    size_t num_before = 0;
    while (!encoding.advance()) {
      ASSERT_LE(encoding.ids().size(), limit);
      num_before = encoding.ids().size();
    }
    const std::vector<int32_t>& ids = encoding.ids();
    ASSERT_LE(ids.size(), whole.size());
    ASSERT_TRUE(std::equal(ids.begin(), ids.end(), whole.begin()));
    ASSERT_TRUE(encoding.is_whole() ? ids.size() == whole.size() : ids.size() > limit);
    ASSERT_GE(ids.size(), num_before);
  }
}

// The text in random parts.
std::vector<TextPart> cut_anywhere(std::string_view text, std::mt19937& random) {
  std::vector<TextPart> parts;
  const auto special = [&random] {
    return random() % 2 == 0 ? SpecialTokens::kParse : SpecialTokens::kAsText;
  };
  for (size_t num_cuts = random() % 5; num_cuts > 0; --num_cuts) {
    const size_t size = last_code_point(text.substr(0, text.empty() ? 0 : random() % text.size() + 1));
    parts.push_back({text.substr(0, size), special()});
    text.remove_prefix(size);
  }
  parts.push_back({text, special()});
  return parts;
}

// Random texts in one part and in several.
void expect_first_ids(const Tokenizer& tokenizer, const std::vector<AddedToken>& tokens,
                      std::uint32_t num_texts) {
  for (std::uint32_t seed = 0; seed < num_texts; ++seed) {
    std::mt19937 random(seed);
    const std::string text = nasty_text(random, random() % 200);
    SCOPED_TRACE(testing::PrintToString(text));
    const SpecialTokens special = random() % 3 == 0 ? SpecialTokens::kParse : SpecialTokens::kAsText;
    expect_first_ids(tokenizer, {{text, special}}, whole_ids(tokenizer, text, special), random);
    if (tokens.empty()) continue;
    const std::vector<TextPart> parts = cut_anywhere(text, random);
    expect_first_ids(tokenizer, parts, whole_ids(tokenizer, tokens, parts), random);
    if (testing::Test::HasFatalFailure()) return;
  }
}

constexpr std::uint32_t kNumTexts = kUnderSanitizer ? 150 : 1500;

const std::vector<AddedToken> kTokens = {{.id = 256, .content = "<|im_end|>", .special = true},
                                         {.id = 257, .content = "<think>", .rstrip = true},
                                         {.id = 258, .content = "word", .single_word = true},
                                         {.id = 259, .content = "...", .lstrip = true}};

boost::json::object with_tokens(boost::json::object document) {
  document["added_tokens"] = {
      small_added_token(256, "<|im_end|>", "special"), small_added_token(257, "<think>", "rstrip"),
      small_added_token(258, "word", "single_word"), small_added_token(259, "...", "lstrip")};
  return document;
}

Tokenizer parse(const boost::json::object& document) {
  return Tokenizer::parse(boost::json::serialize(document), "t.json");
}

TEST(TextEncoding, Gpt2Pattern) {
  expect_first_ids(parse(with_tokens(small_document())), kTokens, kNumTexts);
}

TEST(TextEncoding, SpaceBeforeTheText) {
  boost::json::object document = with_tokens(small_document());
  document["pre_tokenizer"].as_object()["add_prefix_space"] = true;
  expect_first_ids(parse(document), kTokens, kNumTexts);
}

TEST(TextEncoding, TokensOfNormalizedText) {
  boost::json::object document = with_tokens(small_document());
  document["added_tokens"].as_array().push_back(small_added_token(260, "e\u0301", "normalized lstrip"));
  expect_first_ids(parse(document), {}, kNumTexts / 3);
}

TEST(TextEncoding, WithoutNormalization) {
  boost::json::object document = with_tokens(small_document());
  document["normalizer"] = nullptr;
  expect_first_ids(parse(document), kTokens, kNumTexts / 3);
}

std::vector<int32_t> ids_of(const Tokenizer& tokenizer, const std::vector<TextPart>& parts) {
  TextEncoding encoding(tokenizer, parts, SIZE_MAX);
  while (!encoding.advance()) {
  }
  return encoding.ids();
}

// A user's text cannot complete or begin a control token together with the words around it.
TEST(TextEncoding, TokensAreRecognisedInTheirPartAlone) {
  constexpr SpecialTokens kParse = SpecialTokens::kParse, kAsText = SpecialTokens::kAsText;
  boost::json::object document = small_document({{"b", "c"}});
  document["added_tokens"] = {small_added_token(257, "<s>", "special"),
                              small_added_token(258, "TT", "lstrip rstrip"),
                              small_added_token(259, "\u00e9x", "normalized")};
  const Tokenizer tokenizer = parse(document);
  using Ids = std::vector<int32_t>;
  EXPECT_EQ(ids_of(tokenizer, {{"<s>ab", kParse}, {"c<s>", kAsText}, {"<s>", kParse}}),
            (Ids{257, 'a', 256, '<', 's', '>', 257}));
  EXPECT_EQ(ids_of(tokenizer, {{"<", kParse}, {"s>", kAsText}, {"<s", kParse}, {">", kParse}}),
            (Ids{'<', 's', '>', '<', 's', '>'}));
  EXPECT_EQ(ids_of(tokenizer, {{" ", kAsText}, {" TT ", kParse}, {" ", kAsText}}), (Ids{' ', 258, ' '}));
  // The same in normalized text, which may span two parts.
  EXPECT_EQ(ids_of(tokenizer, {{"e\u0301x", kParse}, {"e\u0301x", kAsText}}), (Ids{259, 0xc3, 0xa9, 'x'}));
  EXPECT_EQ(
      ids_of(tokenizer, {{"e\u0301", kAsText}, {"xe", kParse}, {"\u0301x", kParse}, {"e\u0301x", kParse}}),
      (Ids{0xc3, 0xa9, 'x', 0xc3, 0xa9, 'x', 259}));
  EXPECT_EQ(ids_of(tokenizer, {}), Ids{});
  EXPECT_EQ(ids_of(tokenizer, {{"", kParse}, {"", kAsText}}), Ids{});
}

// Patterns that leave gaps, drop what they match, or look far ahead.
TEST(TextEncoding, OtherPatterns) {
  for (const char* const pattern :
       {R"(\p{L}+)", R"(\p{L}+(?=[^2]*1)|[^\p{L}])", R"(a|ab*!|[^a]+?(?=[a\s])|\s)", R"(\s+(?!\S)|\S{3})"}) {
    for (const char* const behavior : {"Isolated", "Removed"}) {
      boost::json::object document = with_tokens(small_document());
      boost::json::object byte_level = document["pre_tokenizer"].as_object();
      byte_level["use_regex"] = behavior == std::string("Removed");
      boost::json::array steps = {
          {{"type", "Split"}, {"pattern", {{"Regex", pattern}}}, {"behavior", behavior}, {"invert", false}},
          byte_level};
      document["pre_tokenizer"] = {{"type", "Sequence"}, {"pretokenizers", steps}};
      expect_first_ids(parse(document), kTokens, kNumTexts / 5);
      if (testing::Test::HasFatalFailure()) FAIL() << pattern << " " << behavior;
    }
  }
}

// Like BERT's: words end at spaces and punctuation.
TEST(TextEncoding, WordPiece) {
  boost::json::object document =
      small_word_piece_document({"a", "i", "word", "re", "##re", "##d", "1", "##3", "\u1112", "##\u1161", "e",
                                 "\u5317", "'", ".", "<", "##l", "l", "k"});
  document["added_tokens"] = {small_added_token(19, "<|im_end|>", "special"),
                              small_added_token(20, "...", "lstrip")};
  expect_first_ids(parse(document),
                   {{.id = 19, .content = "<|im_end|>"}, {.id = 20, .content = "...", .lstrip = true}},
                   kNumTexts / 3);
}

// Like XLM-RoBERTa's, old and new: words end at white space, or only at spaces.
TEST(TextEncoding, Unigram) {
  boost::json::object document = small_unigram_document({{"\u2581", -2},
                                                         {"\u2581a", -3},
                                                         {"word", -5.5},
                                                         {"\u2581wo", -4},
                                                         {"r", -3},
                                                         {"d", -3.25},
                                                         {"e", -3},
                                                         {"\u00e9", -4},
                                                         {"l", -2},
                                                         {"\u5317", -7},
                                                         {"re", -4.5},
                                                         {" ", -9}});
  const boost::json::object map = {
      {"type", "Precompiled"},
      {"precompiled_charsmap",
       character_map(
           {{"e\u0301", "\u00e9"}, {"\n", " "}, {"\u00a0", " "}, {"\u200d", ""}, {"\u212b", "a"}})}};
  const boost::json::object strip = {{"type", "Strip"}, {"strip_left", false}, {"strip_right", true}};
  const boost::json::object spaces = {
      {"type", "Replace"}, {"pattern", {{"Regex", " {2,}"}}}, {"content", "\u2581"}};
  document["added_tokens"] = {small_added_token(13, "<|im_end|>", "special lstrip"),
                              small_added_token(14, "<think>")};
  const std::vector<AddedToken> tokens = {{.id = 13, .content = "<|im_end|>", .lstrip = true},
                                          {.id = 14, .content = "<think>"}};
  document["normalizer"] = map;
  expect_first_ids(parse(document), tokens, kNumTexts / 3);
  document["normalizer"] = {{"type", "Sequence"}, {"normalizers", {map, strip, spaces}}};
  document["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "\u2581"}};
  expect_first_ids(parse(document), tokens, kNumTexts / 3);
}

TEST(TextEncoding, TheDemo) {
  expect_first_ids(Tokenizer::load(std::filesystem::path(RERANK_SOURCE_DIR) / "models/demo/tokenizer.json"),
                   {}, kNumTexts);
}

TEST(TextEncoding, Qwen3) {
  if (!test_tokenizer_file()) GTEST_SKIP() << kNoTestTokenizer;
  expect_first_ids(Tokenizer::load(*test_tokenizer_file()),
                   {{.id = 151645, .content = "<|im_end|>"}, {.id = 151667, .content = "<think>"}},
                   kNumTexts);
}

}  // namespace
}  // namespace rerank
