// Every normalizer and sequences of them: the normalized text, its origins, and that normalizing in pieces
// equals normalizing the whole.
#include "tokenizer/normalizers/normalizers.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <random>
#include <string>
#include <vector>

#include "tests/support/character_map.h"
#include "tokenizer/normalizers/normal_text.h"

namespace rerank {
namespace {

std::string precompiled() {
  return R"({"type": "Precompiled", "precompiled_charsmap": ")" +
         character_map({{"a", "X"},
                        {"e\u0301", "\u00e9"},
                        {"\n", " "},
                        {"\r\n", "N"},
                        {"\u200b", ""},
                        {"\ufb01", "fi"},
                        {"\u0958", "\u0915\u093c"}}) +
         "\"}";
}

Normalizers read(const std::string& steps) {
  const boost::json::value document =
      boost::json::parse(R"({"normalizer": {"type": "Sequence", "normalizers": [)" + steps + "]}}");
  return read_normalizers(JsonView(document, "t.json"));
}

std::string normal(const std::string& steps, std::string_view text) {
  std::string storage;
  return std::string(read(steps).normalized(text, storage));
}

constexpr const char* kBert = R"({"type": "BertNormalizer"})";
constexpr const char* kCased =
    R"({"type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true, "strip_accents": null, "lowercase": false})";
constexpr const char* kSpaces = R"({"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "_"})";
constexpr const char* kStrip = R"({"type": "Strip", "strip_left": false, "strip_right": true})";
constexpr const char* kLowercase = R"({"type": "Lowercase"})";
constexpr const char* kNfc = R"({"type": "NFC"})";
constexpr const char* kGrowing = R"({"type": "Replace", "pattern": {"String": "e"}, "content": "  e\u0301"})";

TEST(Normalizers, Bert) {
  EXPECT_EQ(normal(kBert, "H\u00c9llo\tW\u00f6rld\u0301\u200b\u00ad!"), "hello world!");
  EXPECT_EQ(normal(kBert, "a\u4eac\u5317b"), "a \u4eac  \u5317 b");
  EXPECT_EQ(normal(kBert, "\ud558\u0130\u00c5"), "\u1112\u1161ia")
      << "jamo; the dot of the capital I is an accent";
  EXPECT_EQ(normal(kCased, "H\u00c9 \u0130\n\u0000\ufffdx"), std::string("H\u00c9 \u0130 "));
  EXPECT_EQ(normal(kLowercase, "\u00c9\u0130\u03a3\u1e9e\ua64a"), "\u00e9i\u0307\u03c3\u00df\ua64b");
  EXPECT_EQ(
      normal(
          R"({"type": "BertNormalizer", "clean_text": false, "handle_chinese_chars": false, "strip_accents": true,
                       "lowercase": false})",
          "\tA\u0301\u4eac\u302e\u0334"),
      "\tA\u4eac\u302e");
  EXPECT_EQ(normal(kBert, "plain"), "plain");
}

TEST(Normalizers, CharacterMap) {
  EXPECT_EQ(normal(precompiled(), "abe\u0301e\n\r\n\u200b\ufb01."), "Xb\u00e9e Nfi.");
  EXPECT_EQ(normal(precompiled(), "a\u0301b"), "Xb") << "of a cluster the shortest entry counts for all";
  EXPECT_EQ(normal(precompiled(), "a\u0301\u0302\u0303"), "X\u0301\u0302\u0303")
      << "but not of 6 bytes or more";
  EXPECT_EQ(normal(precompiled(), "a\u0301\u20d0"), "X\u0301\u20d0") << "6 bytes";
  EXPECT_EQ(normal(precompiled(), "\ufb01\u0301"), "fi");
  EXPECT_EQ(normal(precompiled(), "\u0958\u0301"), "\u0915\u093c");
  EXPECT_EQ(normal(precompiled(), std::string_view("\0b", 2)), std::string_view("\0b", 2));
}

// Whatever the file contains, nothing outside of it is read.
TEST(Normalizers, ADamagedCharacterMapIsRefusedOrRuns) {
  const std::string whole = precompiled();
  const size_t first = whole.find("charsmap\": \"") + 12;
  for (std::uint32_t seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    std::string damaged = whole;
    for (size_t i = 1 + random() % 20; i > 0; --i) {
      damaged[first + random() % (damaged.size() - first - 4)] = "ABCDEFgh0189+/"[random() % 14];
    }
    try {
      normal(damaged, "abe\u0301e\n\r\n\u200b\ufb01.");
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::kInternal);
    }
  }
}

TEST(Normalizers, SpacesAndEnds) {
  EXPECT_EQ(normal(kSpaces, "a  b c   "), "a_b c_");
  EXPECT_EQ(normal(kStrip, " a b \u3000\n"), " a b");
  EXPECT_EQ(normal(kStrip, " \n"), "");
  EXPECT_EQ(normal(std::string(kStrip) + "," + kSpaces, "a  b  "), "a_b");
  EXPECT_EQ(normal(std::string(kSpaces) + "," + kStrip, "a  b  "), "a_b_");
  EXPECT_EQ(normal(std::string(kGrowing) + "," + kSpaces + "," + kNfc, "xe"), "x_\u00e9");
}

// The original bytes for the bytes of the normalized text.
std::string origins(const std::string& steps, std::string_view text) {
  const Normalizers normalizers = read(steps);
  const NormalText normal(text, normalizers);
  std::string shown;
  for (size_t at = 0; at < normal.text().size(); ++at) {
    const ByteRange bytes = normal.bytes_of(at, at + 1);
    shown += std::string(1, normal.text()[at]) + std::to_string(bytes.begin) + "-" +
             std::to_string(bytes.end) + " ";
  }
  return shown;
}

TEST(Normalizers, KnowWhereTheirTextComesFrom) {
  EXPECT_EQ(origins(kBert, "\u200bA\u00c9\u0301B"), "a3-4 e4-6 b8-9 ");
  EXPECT_EQ(origins(precompiled(), "be\u0301\ufb01\u200bc"),
            "b0-1 \xc3"
            "1-2 \xa9"
            "1-2 f4-7 i4-7 c10-11 ");
  EXPECT_EQ(origins(std::string(kSpaces) + "," + kLowercase, "A   B"), "a0-1 _1-4 b4-5 ");
  EXPECT_EQ(origins(std::string(kGrowing) + "," + kSpaces + "," + kStrip, "xex"),
            "x0-1 _1-2 e1-2 \xcc"
            "1-2 \x81"
            "1-2 x2-3 ");
}

// In the way TextEncoding does it.
TEST(Normalizers, MakeTheSameOfATextInPieces) {
  const std::vector<std::string> bits = {"a",      "E",      "e",      " ",          "  ",        "\n",
                                         "\r\n",   "\u0301", "\u0323", "\u00c9",     "\u1112",    "\u1161",
                                         "\ud558", "\u4eac", "\u200b", "\u200d",     "\u0600",    "\u302e",
                                         "\u0130", "\ufb01", "\u3000", "\U0001d160", "\U0001f468"};
  const std::vector<std::string> chains = {kBert,
                                           kCased,
                                           precompiled(),
                                           precompiled() + "," + kStrip + "," + kSpaces,
                                           kSpaces,
                                           kStrip,
                                           kNfc,
                                           std::string(kStrip) + "," + kSpaces,
                                           std::string(kGrowing) + "," + kSpaces + "," + kNfc + "," + kStrip,
                                           std::string(kNfc) + "," + kBert,
                                           ""};
  for (const std::string& chain : chains) {
    const Normalizers normalizers = read(chain);
    for (std::uint32_t seed = 0; seed < 400; ++seed) {
      std::mt19937 random(seed);
      std::string text;
      for (size_t i = random() % 40; i > 0; --i) text += bits[random() % bits.size()];
      NormalizerStream stream(normalizers);
      std::string in_pieces;
      size_t at = 0;
      while (at < text.size()) {
        const size_t size = std::min<size_t>(1 + random() % 9, text.size() - at);
        stream.push(std::string_view(text).substr(at, size), false, in_pieces);
        at += size;
      }
      stream.push({}, true, in_pieces);
      std::string storage;
      ASSERT_EQ(in_pieces, normalizers.normalized(text, storage))
          << chain << " " << testing::PrintToString(text);
    }
  }
}

}  // namespace
}  // namespace rerank
