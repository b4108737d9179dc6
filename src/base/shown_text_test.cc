#include "base/shown_text.h"

#include <gtest/gtest.h>

namespace rerank {
namespace {

TEST(ShownText, HasNothingThatSteersATerminalAndIsCutBetweenCharacters) {
  EXPECT_EQ(shown_text("naïve"), "naïve");
  EXPECT_EQ(shown_text(std::string_view("a\x1b[31m\n\x7f\0", 9)), "a?[31m???");
  EXPECT_EQ(shown_text("a\xc2\x9b"
                       "31m\xe2\x80\xa8"),
            "a?31m?");
  EXPECT_EQ(shown_text("abc", 3), "abc");
  EXPECT_EQ(shown_text("abcd", 3), "abc...");
  EXPECT_EQ(shown_text("na\xc3\xafve", 3), "na...");
  EXPECT_EQ(shown_text(std::string(10, '\x80'), 5), "?????...");
}

TEST(ShownProse, IsOnOneLineWithSingleBlanks) {
  EXPECT_EQ(shown_prose("  \u00e4 \u20ac\n\n\u2028b "), "\u00e4 \u20ac b");
  EXPECT_EQ(shown_prose("abcd", 3), "abc...");
  EXPECT_EQ(shown_prose("ab\u00e4", 3), "ab...");
  EXPECT_EQ(shown_prose("a\xff"), "a?");
  EXPECT_LE(shown_prose(std::string(100'000, '\xa4')).size(), 306U);
  EXPECT_EQ(shown_prose("\n \t"), "");
}

TEST(SteersOutput, IsTrueOfControlsAndBidirectionalMarks) {
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
