#include "apps/rerank/output/terminal_text.h"

#include <gtest/gtest.h>

#include <string>

namespace rerank::cli {
namespace {

TEST(TerminalText, NothingSteersTheTerminal) {
  EXPECT_EQ(harmless("a\tb\nc\rd"), "a b c d");
  EXPECT_EQ(harmless("\x1b[31mred"), "␛[31mred");
  EXPECT_EQ(harmless(std::string_view("\0\x7f", 2)), "␀␡");
  EXPECT_EQ(harmless("\u202Egnp.exe"), "\uFFFDgnp.exe") << "right-to-left override";
  EXPECT_EQ(harmless("\u009Bm"), "\uFFFDm") << "a control of C1";
  EXPECT_EQ(harmless("a\xFFz"), "a\uFFFDz");
  EXPECT_EQ(harmless("naïve 漢字 🙂"), "naïve 漢字 🙂");
}

TEST(TerminalText, WidthsInCells) {
  EXPECT_EQ(display_width(""), 0);
  EXPECT_EQ(display_width("abc"), 3);
  EXPECT_EQ(display_width("漢字"), 4);
  EXPECT_EQ(display_width("e\u0301"), 1) << "a combining mark takes no cell";
}

TEST(TerminalText, ClippedToAWidth) {
  EXPECT_EQ(clipped("abcdef", 6), "abcdef");
  EXPECT_EQ(clipped("abcdefg", 6), "abcde…");
  EXPECT_EQ(clipped("漢字漢字", 5), "漢字…");
  EXPECT_EQ(clipped("漢字漢字", 4), "漢…") << "half a character is never shown";
  EXPECT_EQ(clipped("ab", 1), "…");
}

}  // namespace
}  // namespace rerank::cli
