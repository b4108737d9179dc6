#include "base/text_character.h"

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

TEST(TextCharacter, KnowsWhatSteers) {
  for (const std::int32_t c : {0, 0x9, 0xA, 0x1B, 0x1F, 0x7F, 0x80, 0x85, 0x9B, 0x9F, 0x61C, 0x200E, 0x200F,
                               0x2028, 0x2029, 0x202A, 0x202E, 0x2066, 0x2069}) {
    EXPECT_TRUE(steers_output(c)) << c;
  }
  for (const std::int32_t c :
       {-1, 0x20, 0x7E, 0xA0, 0xE9, 0x200D, 0x2010, 0x2027, 0x202F, 0x2065, 0x206A, 0x1F600}) {
    EXPECT_FALSE(steers_output(c)) << c;
  }
}

}  // namespace
}  // namespace rerank
