#include "base/shown_text.h"

#include <gtest/gtest.h>

namespace rerank {
namespace {

TEST(ShownText, HasNoControlCharactersAndIsCutBetweenCharacters) {
  EXPECT_EQ(shown_text("naïve", 10), "naïve");
  EXPECT_EQ(shown_text(std::string_view("a\x1b[31m\n\x7f\0", 9), 10), "a?[31m???");
  EXPECT_EQ(shown_text("abc", 3), "abc");
  EXPECT_EQ(shown_text("abcd", 3), "abc...");
  EXPECT_EQ(shown_text("na\xc3\xafve", 3), "na...");
  EXPECT_EQ(shown_text(std::string(10, '\x80'), 5), "...");
}

}  // namespace
}  // namespace rerank
