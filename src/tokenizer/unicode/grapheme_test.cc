#include "tokenizer/unicode/grapheme.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "base/utf8.h"

namespace rerank {
namespace {

std::string clusters(std::string_view text) {
  std::string shown;
  for (size_t at = 0; at < text.size();) {
    const size_t end = grapheme_end(text, at);
    shown += std::string(text.substr(at, end - at)) + "|";
    at = end;
  }
  return shown;
}

TEST(Grapheme, Clusters) {
  EXPECT_EQ(clusters("ab\r\n\n"), "a|b|\r\n|\n|");
  EXPECT_EQ(clusters("e\u0301\u0323x\u200dy"), "e\u0301\u0323|x\u200d|y|");
  EXPECT_EQ(clusters("\u0600a\u0301"), "\u0600a\u0301|") << "what prepends";
  EXPECT_EQ(clusters("\n\u0301a"), "\n|\u0301|a|");
  EXPECT_EQ(clusters("\u1100\u1161\u11a8\u1100\uac00\u11a8\uac01\u1161"),
            "\u1100\u1161\u11a8|\u1100\uac00\u11a8|\uac01|\u1161|");
  EXPECT_EQ(clusters("\U0001f1e9\U0001f1ea\U0001f1eb"), "\U0001f1e9\U0001f1ea|\U0001f1eb|")
      << "flags are pairs";
  EXPECT_EQ(clusters("\U0001f468\U0001f3fd\u200d\U0001f469x"), "\U0001f468\U0001f3fd\u200d\U0001f469|x|");
  EXPECT_EQ(clusters("\u0915\u094d\u0937\u093f\u0915"), "\u0915\u094d\u0937\u093f|\u0915|") << "a conjunct";
  EXPECT_EQ(clusters("\u0915\u094d\u200c\u0937"), "\u0915\u094d\u200c|\u0937|");
}

// If a place always breaks, it is a boundary in any context.
TEST(Grapheme, KnowsWhereClustersAlwaysEnd) {
  const std::vector<std::string> bits = {"a",      "\r",     "\n",     "\u0301",     "\u200d",     "\u200c",
                                         "\u0600", "\u0903", "\u0915", "\u094d",     "\u1100",     "\u1161",
                                         "\u11a8", "\uac00", "\uac01", "\U0001f1e9", "\U0001f468", "\u00a9"};
  for (std::uint32_t seed = 0; seed < 2000; ++seed) {
    std::mt19937 random(seed);
    std::string text;
    for (size_t i = 2 + random() % 12; i > 0; --i) text += bits[random() % bits.size()];
    std::vector<bool> is_border(text.size() + 1);
    for (size_t at = 0; at < text.size();) is_border[at = grapheme_end(text, at)] = true;
    size_t at = 0;
    for (char32_t before = next_code_point(text, at); at < text.size();) {
      const size_t border = at;
      const char32_t after = next_code_point(text, at);
      if (always_break_between(grapheme_kind(before), grapheme_kind(after))) {
        EXPECT_TRUE(is_border[border]) << testing::PrintToString(text) << " at " << border;
      }
      before = after;
    }
  }
}

}  // namespace
}  // namespace rerank
