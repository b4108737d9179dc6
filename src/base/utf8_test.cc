#include "base/utf8.h"

#include <gtest/gtest.h>

#include <string>

namespace rerank {
namespace {

using namespace std::string_view_literals;

TEST(TextCharacter, ReadsTheFirst) {
  const auto expect = [](std::string_view text, std::int32_t code_point, std::size_t num_bytes) {
    const TextCharacter found = first_character(text);
    EXPECT_EQ(found.code_point, code_point) << text;
    EXPECT_EQ(found.num_bytes, num_bytes) << text;
  };
  expect("ab", 'a', 1);
  expect("\0"sv, 0, 1);
  expect("\u00E9x", 0xE9, 2);
  expect("\u20AC", 0x20AC, 3);
  expect("\U0010FFFF", 0x10FFFF, 4);
}

TEST(TextCharacter, TakesNothingThatIsNoUtf8) {
  for (const std::string_view text :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xC3", "\xC3(", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xE2\x82",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
    EXPECT_LT(first_character(text).code_point, 0) << text;
    EXPECT_EQ(first_character(text).num_bytes, 1u) << text;
  }
}

TEST(Utf8, FindsTheFirstInvalidByte) {
  struct Case {
    std::string text;
    size_t bad;
  } cases[] = {{"", 0},
               {"abc", 3},
               {"é한😀", 9},
               {"ab\x80", 2},
               {"ab\xc3", 2},
               {"abcdefgh\xff", 8},
               {"\xc0\xaf", 0},          // overlong
               {"x\xe0\x80\x80", 1},     // overlong
               {"x\xed\xa0\x80", 1},     // a surrogate
               {"\xf0\x80\x80\x80", 0},  // overlong
               {"\xf4\x90\x80\x80", 0},  // above U+10FFFF
               {"\xf4\x8f\xbf\xbf", 4},
               {"é\xe2\x82", 2},
               {std::string("\0a", 2), 2}};
  for (const Case& c : cases) EXPECT_EQ(first_invalid_utf8(c.text), c.bad) << c.text;
  for (std::size_t at = 0; at < 20; ++at) {
    EXPECT_EQ(first_invalid_utf8(std::string(at, 'a') + "\xff" + std::string(20, 'b')), at);
  }
}

TEST(Utf8, ReplacesWhatIsNotWellFormed) {
  EXPECT_EQ(replace_invalid_utf8("aé漢"), "aé漢");
  EXPECT_EQ(replace_invalid_utf8("a\xc3"), "a\uFFFD");
  EXPECT_EQ(replace_invalid_utf8("\xe6\xbc"
                                 "a\xf0\x9f\x98"
                                 "é\x80\xff"),
            "\uFFFDa\uFFFDé\uFFFD\uFFFD");
  EXPECT_EQ(replace_invalid_utf8("\xed\xa0\x80"), "\uFFFD\uFFFD\uFFFD") << "a surrogate";
}

}  // namespace
}  // namespace rerank
