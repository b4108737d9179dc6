#include "text/json_writer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "rerank/error.h"

namespace rerank {
namespace {

std::string escaped(char c) {
  if (c == '"' || c == '\\') return {'\\', c};
  if (c == '\n') return "\\n";
  if (c == '\r') return "\\r";
  if (c == '\t') return "\\t";
  if (c < 0x20 || c == 0x7f) return fmt::format("\\u{:04x}", static_cast<int>(c));
  return {c};
}

// Wherever it is in the eight bytes that are checked together, and twice at once.
TEST(JsonWriter, EscapesWhatMustBe) {
  for (int byte = 0; byte < 0x80; ++byte) {
    const char c = static_cast<char>(byte);
    for (std::size_t at = 0; at < 20; ++at) {
      const std::string before(at, 'a');
      std::string tail;
      for (std::size_t i = at; i < 19; i += 2) tail += "\xc3\xa4";
      EXPECT_EQ(JsonWriter().string(before + c + tail + c).take(),
                '"' + before + escaped(c) + tail + escaped(c) + '"')
          << "byte " << byte << " at " << at;
    }
  }
}

TEST(JsonWriter, ReplacesWhatIsNotUtf8) {
  for (std::size_t at = 0; at < 20; ++at) {
    const std::string before(at, 'a');
    EXPECT_EQ(JsonWriter().string(before + "\xff" + "bcdefghij").take(),
              '"' + before + "\xef\xbf\xbd" + "bcdefghij\"");
  }
}

TEST(JsonWriter, WritesTheShortestDigitsOfRealNumbers) {
  for (const float value : {0.1F, 1.0F, 0.0F, -4.0F, 1e-30F, 1e30F, 1.4e-45F, 0.33333334F}) {
    const std::string digits = shortest_digits(value);
    const std::string json = JsonWriter().real(value).take();
    EXPECT_EQ(std::strtof(digits.c_str(), nullptr), value) << digits;
    EXPECT_EQ(std::strtof(json.c_str(), nullptr), value) << json;
    EXPECT_NE(json.find_first_of(".e"), std::string::npos) << json;
  }
  EXPECT_EQ(shortest_digits(0.1F), "0.1");
  EXPECT_EQ(JsonWriter().real(1.0F).take(), "1.0");
  EXPECT_EQ(JsonWriter().real(0.1).take(), "0.1");
  EXPECT_THROW(shortest_digits(std::numeric_limits<float>::quiet_NaN()), Error);
  EXPECT_THROW(JsonWriter().real(INFINITY), Error);
}

TEST(JsonWriter, CountsTheBytesOfAString) {
  for (const std::string text : {"", "plain", "\"\\\n\t\r\b\f", "Gr\u00fc\u00dfe", "\x01\x1f", "a\xff"}) {
    EXPECT_EQ(JsonWriter::string_bytes(text), json_string(text).size()) << json_string(text);
  }
}

TEST(JsonWriter, EscapesKeysThatNeedIt) {
  EXPECT_EQ(JsonWriter().begin_object().escaped_key("a\"\n").number(1).end_object().take(), R"({"a\"\n":1})");
}

TEST(JsonWriter, WritesFilesForPeopleOverLines) {
  JsonWriter json = JsonWriter::with_lines();
  json.begin_object().key("name").string("a ");
  json.key("list").begin_array().number(1).string("b").end_array();
  json.key("empty").begin_object().end_object();
  json.key("none").begin_array().end_array();
  json.key("objects").begin_array();
  for (int i = 0; i < 2; ++i) json.begin_object().key("i").number(i).end_object();
  json.end_array().end_object();
  EXPECT_EQ(json.take(), R"({
  "name": "a ",
  "list": [1,"b"],
  "empty": {},
  "none": [],
  "objects": [
    {
      "i": 0
    },
    {
      "i": 1
    }
  ]
})");
}

}  // namespace
}  // namespace rerank
