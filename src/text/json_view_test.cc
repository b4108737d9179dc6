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
  EXPECT_EQ(error_of([&] { JsonView(value.at("a"), "f").at("b"); }), "f: should be an object, not a list");
  EXPECT_EQ(root.at("a").element(0).at("b").name(), "f.json: a[0].b");
}

TEST(JsonView, ReadsNumbersWithinBounds) {
  const JsonFile file(R"({"a": 3, "b": 2.5, "big": 5000000000, "zero": 0, "text": "3"})", "f");
  EXPECT_EQ(file.at("a").integer(3, 3), 3);
  EXPECT_EQ(file.at("b").positive(), 2.5);
  EXPECT_EQ(file.integer_or("absent", 7, 1, 2), 7);
  EXPECT_EQ(error_of([&] { file.at("a").integer(0, 2); }),
            "f: a should be a whole number from 0 to 2, not 3; download the file again");
  for (const char* key : {"b", "big", "text"}) {
    EXPECT_THAT(error_of([&] { file.integer_or(key, 0, INT32_MIN, INT32_MAX); }),
                testing::HasSubstr("should be a whole number"));
  }
  for (const char* key : {"zero", "text"}) {
    EXPECT_THAT(error_of([&] { file.at(key).positive(); }),
                testing::HasSubstr("should be a number above 0, not "));
  }
}

TEST(JsonView, SaysWhatToDo) {
  const JsonFile file(R"({"tpye": 1, "x": null})", "f", {.advice = "correct it"});
  EXPECT_EQ(error_of([&] { file.at("x"); }), "f: lacks the key \"x\"; it has \"tpye\", \"x\"; correct it");
  EXPECT_EQ(error_of([&] { file.at("tpye").unsupported("is 1: use 2"); }), "f: tpye is 1: use 2");
  EXPECT_EQ(error_of([&] {
              file.allow_only({"type", "x"});
            }),
            "f: has the key \"tpye\", which this version does not know; did you mean type?");
  EXPECT_EQ(error_of([&] { file.allow_only({"tpye"}); }),
            "f: has the key \"x\", which this version does not know; remove it if it changes no score");
}

TEST(JsonView, ListsTheKeysWhereTheyAreFew) {
  std::string text = "{\"key\": 0";
  for (int i = 0; i < 10; ++i) text += ", \"" + std::string(1, static_cast<char>('a' + i)) + "\": 0";
  EXPECT_EQ(error_of([&] { JsonFile(text + "}", "f").at("x"); }),
            "f: lacks the key \"x\"; download the file again");
}

// A message goes to terminals and logs.
TEST(JsonView, ShowsOnlyWhatIsSafeToPrint) {
  const JsonFile file("{\"\\u001b[31m" + std::string(1000, 'x') + "\": 1}", "f");
  const JsonView member = file.member(*file.object().begin());
  for (const std::string& message :
       {error_of([&] { member.string(); }), error_of([&] { file.allow_only({}); }),
        error_of([&] { file.at("y"); }), member.name()}) {
    EXPECT_THAT(message,
                testing::AllOf(testing::HasSubstr("?[31mxx"), testing::Not(testing::HasSubstr("\x1b"))));
    EXPECT_LT(message.size(), 900u);
  }
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
