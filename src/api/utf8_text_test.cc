#include "api/utf8_text.h"

#include <gtest/gtest.h>

namespace rerank::api {
namespace {

TEST(ValidUtf8Prefix, StopsAtTheFirstByteThatIsNone) {
  EXPECT_EQ(valid_utf8_prefix("a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), 10U);
  EXPECT_EQ(valid_utf8_prefix("ab\xff"), 2U);
  EXPECT_EQ(valid_utf8_prefix("ab\xc3"), 2U);            // cut
  EXPECT_EQ(valid_utf8_prefix("\xc0\xaf"), 0U);          // overlong
  EXPECT_EQ(valid_utf8_prefix("\xe0\x80\xaf"), 0U);      // overlong
  EXPECT_EQ(valid_utf8_prefix("\xf0\x80\x80\xaf"), 0U);  // overlong
  EXPECT_EQ(valid_utf8_prefix("\xed\xa0\x80"), 0U);      // a surrogate
  EXPECT_EQ(valid_utf8_prefix("\xf4\x90\x80\x80"), 0U);  // above Unicode
  EXPECT_EQ(valid_utf8_prefix("\x80"), 0U);
  for (std::size_t at = 0; at < 20; ++at) {
    EXPECT_EQ(valid_utf8_prefix(std::string(at, 'a') + "\xff" + std::string(20, 'b')), at);
  }
}

TEST(Shown, IsShortAndClean) {
  EXPECT_EQ(shown("model"), "model");
  EXPECT_EQ(shown("a\nb\x1b\xff"), "a?b??");
  const std::string cut = shown(std::string(99, 'x') + "\xc3\xa4" + "y");
  EXPECT_EQ(cut, std::string(99, 'x') + "...");
}

}  // namespace
}  // namespace rerank::api
