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

}  // namespace
}  // namespace rerank
