// What TextEncoding rejects, which part is at fault, and how long a step takes at most.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <ctime>
#include <string>
#include <vector>

#include "tests/support/error_of.h"
#include "tests/support/test_tokenizer_file.h"
#include "tests/support/under_sanitizer.h"
#include "tokenizer/small_tokenizer.h"
#include "tokenizer/text_encoding.h"

namespace rerank {
namespace {

using testing::HasSubstr;

Tokenizer parse(const boost::json::object& document) {
  return Tokenizer::parse(boost::json::serialize(document), "t.json");
}

std::vector<int32_t> ids_of(const Tokenizer& tokenizer, const std::vector<TextPart>& parts) {
  TextEncoding encoding(tokenizer, parts, SIZE_MAX);
  while (!encoding.advance()) {
  }
  return encoding.ids();
}

std::string repeat(const std::string& text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

// The whole text is validated, even if its ids are not needed.
TEST(TextEncodingLimits, AllOfTheTextMustBeUtf8) {
  const Tokenizer tokenizer = parse(small_document());
  for (const size_t good : {0ul, 3ul, (1ul << 20) - 1, 1ul << 20, (3ul << 20) - 2}) {
    std::string text(good, 'a');
    for (size_t i = 99; i + 100 < good; i += 100) text[i] = ' ';
    const auto refusal = [&](const std::string& bad) {
      const std::string whole = text + bad;
      TextEncoding encoding(tokenizer, {{" ", SpecialTokens::kParse}, {whole}, {" \u00e9"}}, 5);
      const std::string message = error_of([&] {
        while (!encoding.advance()) {
        }
      });
      if (message != "no error") {
        EXPECT_EQ(encoding.failed_part(), 1u);
      }
      return message;
    };
    EXPECT_EQ(refusal("\U0001f600 \u00e9"), "no error");
    for (const char* const bad : {"\xff", "\xe2\x82", "\xed\xa0\x80"}) {
      EXPECT_THAT(refusal(bad), HasSubstr("at byte " + std::to_string(good) + " "));
    }
  }
}

TEST(TextEncodingLimits, AStretchWithoutABreakIsBounded) {
  const Tokenizer tokenizer = parse(small_document());
  const size_t most = tokenizer.max_stretch_bytes();
  const auto refusal = [&](const std::string& text, size_t limit) {
    TextEncoding encoding(tokenizer, {{"a\n"}, {text}, {" b"}}, limit);
    const std::string message = error_of([&] {
      while (!encoding.advance()) {
      }
    });
    if (message != "no error") {
      EXPECT_EQ(encoding.failed_part(), 1u);
    }
    return message;
  };
  EXPECT_EQ(refusal(repeat("a", most) + " b", 100000), "no error");
  EXPECT_EQ(refusal(repeat("a", most) + " b", 10), "no error");
  for (const std::string bit : {"a", "!", " ", "\u0301", "\u1161", "\n", "\u5317"}) {
    const std::string message = refusal("x " + repeat(bit, 3 * most), 10);
    if (bit == "!") {
      EXPECT_THAT(message, HasSubstr("a stretch of more than 32768 bytes without a place to cut"));
    }
    EXPECT_THAT(refusal("x " + repeat(bit, 3 * most), 1000), HasSubstr("a stretch of more than 32768 bytes"))
        << bit;
    EXPECT_THAT(error_of([&] { tokenizer.pieces(repeat(bit, 3 * most), SpecialTokens::kAsText); }),
                HasSubstr("a stretch of more than 32768 bytes"))
        << bit;
  }
  // Text beyond the limit is not encoded.
  EXPECT_EQ(refusal("one two three four " + repeat("a", 3 * most), 3), "no error");
}

// A line of Chinese has no white space and may be long.
TEST(TextEncodingLimits, AStretchMayBeLongWhereTimeIsLinear) {
  const Tokenizer words = parse(small_word_piece_document({"a"}));
  const Tokenizer unigram =
      parse(small_unigram_document({{"\u2581", -1}, {"\u5317", -2}, {"\u5317\u4eac", -3}}));
  const std::string text = repeat("\u5317\u4eac", 40000);
  EXPECT_GT(text.size(), 200u << 10);
  EXPECT_EQ(ids_of(unigram, {{text}}).size(), 40001u);
  EXPECT_EQ(ids_of(words, {{std::string(200000, 'b')}}), std::vector<int32_t>{0});
  for (const Tokenizer* tokenizer : {&words, &unigram}) {
    EXPECT_THAT(error_of([&] { ids_of(*tokenizer, {{std::string(300000, 'b')}}); }),
                HasSubstr("a stretch of more than 262144 bytes"));
  }
}

// However large the text is, a step is short, and the limit bounds the number of steps.
TEST(TextEncodingLimits, TakesNoLongerThanItsTokens) {
  if (!test_tokenizer_file()) GTEST_SKIP() << kNoTestTokenizer;
  const Tokenizer tokenizer = Tokenizer::load(*test_tokenizer_file());
  for (const std::string& bit : std::vector<std::string>{
           "word ", repeat("!", 15000) + " ", repeat("ab", 7000) + " ", repeat(" ", 15000) + "x",
           repeat("\u0301", 7000) + "a", repeat("\u5317", 5000) + " "}) {
    const std::string text = repeat(bit, (8 << 20) / bit.size());
    TextEncoding encoding(tokenizer, {{" ", SpecialTokens::kParse}, {text}}, 8192);
    std::clock_t longest = 0;  // of processor time
    for (bool is_done = false; !is_done;) {
      const std::clock_t begin = std::clock();
      is_done = encoding.advance();
      longest = std::max(longest, std::clock() - begin);
    }
    EXPECT_LT(encoding.ids().size(), 8192u + 8192u + 4096u);
    if (!kUnderSanitizer) {
      EXPECT_LT(1000.0 * static_cast<double>(longest) / CLOCKS_PER_SEC, 60)
          << bit.substr(0, 4) << ": 20 on a machine with nothing else to do";
    }
  }
}

}  // namespace
}  // namespace rerank
