#include "text/json_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/error_of.h"
#include "text/strict_json.h"

namespace rerank {
namespace {

TEST(JsonView, NamesFileAndPathOfWhatIsWrong) {
  const boost::json::value value =
      parse_strict_json(R"({"a":[{"b":1}],"title":"t","none":null,"real":0.5})", "f.json");
  const JsonView root(value, "f.json");
  EXPECT_EQ(root.at("title").string(), "t");
  EXPECT_EQ(root.at("real").number(), 0.5);
  EXPECT_EQ(root.string_or("none", "x"), "x");
  EXPECT_EQ(root.string_or("absent", "x"), "x");
  EXPECT_EQ(error_of([&] { root.at("text"); }),
            "f.json: lacks the key \"text\"; it has \"a\", \"title\", \"none\", \"real\"");
  EXPECT_EQ(error_of([&] { root.at("a").element(0).at("b").string(); }),
            "f.json: a[0].b should be a string, not 1");
  EXPECT_EQ(error_of([&] { root.at("title").number(); }), "f.json: title should be a number, not \"t\"");
  EXPECT_EQ(error_of([&] { JsonView(value.at("a"), "f").at("b"); }), "f: should be an object, not an array");
}

TEST(StrictJson, RefusesMoreThanOneDocumentAndKeysThatOccurTwice) {
  EXPECT_EQ(error_of([] { parse_json_object("{} {}", "f", {.advice = "correct it"}); }),
            "f: text after the end of the JSON, at byte 3; correct it");
  EXPECT_EQ(error_of([] { parse_json_object("[1]", "f", {.advice = "correct it"}); }),
            "f: must be a JSON object, not a list; correct it");
  EXPECT_THAT(error_of([] { parse_json_object("{\"a\":}", "f"); }),
              testing::HasSubstr("f: not JSON at byte 5"));
  EXPECT_EQ(error_of([] { parse_json_object(R"({"a":1,"\u0061":2})", "f"); }),
            "f: the key \"a\" occurs twice; download the file again");
  EXPECT_EQ(parse_json_object(R"({"a":1,"a":2} )", "f", {.unique_keys = false}).at("a"), 2);
}

// Boost 1.81 reads the neighbour of this double.
TEST(StrictJson, ReadsTheNearestDouble) {
  for (const char* text : {"0.10000000000000001", "2.2250738585072011e-308", "9007199254740993.0",
                           "1.7976931348623157e308", "123456789.12345678", "8.41e21"}) {
    EXPECT_EQ(parse_strict_json(text, "f").as_double(), std::strtod(text, nullptr)) << text;
  }
}

}  // namespace
}  // namespace rerank
