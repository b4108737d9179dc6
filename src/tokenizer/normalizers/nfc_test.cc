#include "tokenizer/normalizers/nfc.h"

#include <gtest/gtest.h>
#include <utf8proc.h>

#include <cstdlib>
#include <ctime>
#include <random>

#include "base/utf8.h"
#include "tokenizer/unicode/unicode_category.h"

namespace rerank {
namespace {

std::string nfc(std::string_view text) {
  std::string storage;
  return std::string(to_nfc(text, storage));
}

std::string utf8(std::u32string_view points) {
  std::string text;
  for (char32_t point : points) append_utf8(point, text);
  return text;
}

std::string nfc(std::u32string_view points) {
  return nfc(utf8(points));
}

TEST(Nfc, LeavesNormalizedTextWhereItIs) {
  for (const char* text : {"", "plain", "déjà vu", "한국어", "日本語", "смесь é z"}) {
    std::string storage = "untouched";
    std::string_view in = text;
    std::string_view out = to_nfc(in, storage);
    EXPECT_EQ(out.data(), in.data());
    EXPECT_EQ(out, in);
  }
}

TEST(Nfc, ComposesReordersAndDecomposes) {
  EXPECT_EQ(nfc(U"e\u0301"), utf8(U"\u00e9"));
  EXPECT_EQ(nfc(U"xe\u0301y a\u0308 "), utf8(U"x\u00e9y \u00e4 "));
  EXPECT_EQ(nfc(U"e\u0323\u0302"), utf8(U"\u1ec7"));
  EXPECT_EQ(nfc(U"e\u0302\u0323"), utf8(U"\u1ec7")) << "marks out of order";
  EXPECT_EQ(nfc(U"\u00ea\u0323"), utf8(U"\u1ec7")) << "a composite that takes a mark below";
  EXPECT_EQ(nfc(U"\u212b"), utf8(U"\u00c5")) << "a singleton";
  EXPECT_EQ(nfc(U"\u0958"), utf8(U"\u0915\u093c")) << "excluded from composition";
  EXPECT_EQ(nfc(U"\u1112\u1161\u11ab"), utf8(U"\ud55c"));
  EXPECT_EQ(nfc(U"\ud558\u11ab"), utf8(U"\ud55c"));
  EXPECT_EQ(nfc(U"\u0301\u0323"), utf8(U"\u0323\u0301")) << "marks without a base";
  EXPECT_EQ(nfc(U"\U0001d157\U0001d165"), utf8(U"\U0001d157\U0001d165"));
}

TEST(Nfc, KnowsNothingNewerThanUnicode9) {
  // Dives Akuru, Unicode 13: composes in newer versions.
  EXPECT_EQ(nfc(U"\U00011935\U00011930"), utf8(U"\U00011935\U00011930"));
  // A mark of Unicode 14 neither moves nor lets others move past it.
  EXPECT_EQ(nfc(U"e\u0345\u1ac1\u0334"), utf8(U"e\u0345\u1ac1\u0334"));
  EXPECT_EQ(nfc(U"e\u1ac1\u0301"), utf8(U"e\u1ac1\u0301"));
}

// For code points up to Unicode 9 every version of utf8proc is correct, so whole strings must agree with it.
TEST(Nfc, EqualsUtf8procOnOldText) {
  const char32_t points[] = {'a',    'e',    ' ',     '1',     0xe9,   0xea,   0x300,  0x301,  0x302,  0x323,
                             0x334,  0x345,  0x338,   '=',     0x1100, 0x1161, 0x11a8, 0xac00, 0xac01, 0x915,
                             0x93c,  0x958,  0x9c7,   0x9be,   0x212b, 0x1e9b, 0x3b1,  0x4e00, 0xf900, 0x3099,
                             0x304b, 0xfb1d, 0x1d15e, 0x2f800, 0x5d0,  0x5b7,  0x1f00};
  std::mt19937 random(7);
  for (int i = 0; i < 100000; ++i) {
    std::string text;
    for (size_t length = random() % 12; length > 0; --length)
      append_utf8(points[random() % std::size(points)], text);
    utf8proc_uint8_t* expected = utf8proc_NFC(reinterpret_cast<const utf8proc_uint8_t*>(text.c_str()));
    ASSERT_EQ(nfc(text), reinterpret_cast<const char*>(expected)) << text;
    std::free(expected);
  }
}

TEST(Nfc, TakesLongRunsOfMarksInItsStride) {
  std::string text = "a";
  for (int i = 0; i < 200000; ++i) text += i % 2 ? "\u0323" : "\u0301";
  std::clock_t begin = std::clock();
  std::string out = nfc(text);
  EXPECT_LT((std::clock() - begin) / CLOCKS_PER_SEC, 5) << "quadratic ordering takes minutes";
  EXPECT_EQ(out.substr(0, 5),
            "ạ"
            "\u0323")
      << "all marks below come first, and one is composed";
}

TEST(UnicodeCategory, IsOfVersion16) {
  EXPECT_EQ(category_of('A'), Category::kLu);
  EXPECT_EQ(category_of('z'), Category::kLl);
  EXPECT_EQ(category_of(0x100), Category::kLu);
  EXPECT_EQ(category_of(0x101), Category::kLl);
  EXPECT_EQ(category_of(0x1c5), Category::kLt);
  EXPECT_EQ(category_of(0x0660), Category::kNd);
  EXPECT_EQ(category_of(0x1c89), Category::kLu) << "new in 16.0";
  EXPECT_EQ(category_of(0x10d40), Category::kNd) << "new in 16.0";
  EXPECT_EQ(category_of(0x0378), Category::kCn);
  EXPECT_EQ(category_of(0x10ffff), Category::kCn);
  std::vector<CategoryRange> ranges = category_ranges();
  EXPECT_EQ(ranges.front().first, 0u);
  EXPECT_EQ(ranges.back().last, kCodePointEnd - 1);
  size_t letters = 0;
  for (size_t i = 0; i < ranges.size(); ++i) {
    if (i > 0) {
      ASSERT_EQ(ranges[i].first, ranges[i - 1].last + 1);
    }
    ASSERT_EQ(category_of(ranges[i].first), ranges[i].category);
    ASSERT_EQ(category_of(ranges[i].last), ranges[i].category);
    if (ranges[i].category <= Category::kLo) letters += ranges[i].last - ranges[i].first + 1;
  }
  EXPECT_EQ(letters, 141028u) << "the number of letters in Unicode 16.0";
}

}  // namespace
}  // namespace rerank
