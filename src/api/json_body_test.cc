#include "api/json_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string>

#include "api/api_error.h"

namespace rerank::api {
namespace {

using testing::AllOf;
using testing::HasSubstr;

std::string what(std::string_view text, const JsonBounds& bounds = {}) {
  try {
    const JsonBody body(text, bounds);
  } catch (const ApiError& error) {
    EXPECT_EQ(error.status(), 400);
    return error.what();
  }
  return "accepted";
}

TEST(JsonBody, KeepsTexts) {
  const std::string text = "{\"a\":\"\\u0000x\\ud83d\\ude00\\n\",\"b\":[1,-2,3.5,true,null]}";
  const JsonBody body(text, {});
  const auto& a = body.object().at("a").get_string();
  EXPECT_EQ(std::string(a.data(), a.size()), std::string("\0x\xf0\x9f\x98\x80\n", 7));
  EXPECT_EQ(body.object().at("b").get_array().size(), 5U);
}

TEST(JsonBody, TakesTheLastOfEqualKeys) {
  const JsonBody body(R"({"a":1,"a":2})", {});
  EXPECT_EQ(body.object().at("a").get_int64(), 2);
}

TEST(JsonBody, SaysWhereItIsNoJson) {
  EXPECT_THAT(what(""), HasSubstr("it ends too early"));
  EXPECT_THAT(what(R"({"query":"a")"), AllOf(HasSubstr("ends too early"), HasSubstr("byte 12")));
  EXPECT_THAT(what(R"({"query":"a","documents":["b",nul]})"),
              AllOf(HasSubstr("documents[1]"), HasSubstr("at byte 30")));
  EXPECT_THAT(what(R"({"query":"a"} x)"), HasSubstr("more text follows its end, at byte 14"));
  EXPECT_THAT(what("[1]"), HasSubstr("must be a JSON object"));
  EXPECT_THAT(what("5"), HasSubstr("must be a JSON object"));
}

TEST(JsonBody, RefusesWhatIsNoUnicodeNamingTheField) {
  EXPECT_THAT(what("{\"query\":\"a\",\"documents\":[\"x\",\"ab\xff\"]}"),
              AllOf(HasSubstr("documents[1]"), HasSubstr("not valid UTF-8"), HasSubstr("byte 33")));
  EXPECT_THAT(what("{\"query\":\"\xed\xa0\x80\"}"), AllOf(HasSubstr("query"), HasSubstr("not valid UTF-8")));
  EXPECT_THAT(what("{\"query\":\"\xc0\xaf\"}"), AllOf(HasSubstr("query"), HasSubstr("not valid UTF-8")));
  EXPECT_THAT(what(R"({"query":"a\ud800"})"), AllOf(HasSubstr("query"), HasSubstr("surrogate")));
  EXPECT_THAT(what(R"({"query":"\udc00"})"), AllOf(HasSubstr("query"), HasSubstr("surrogate")));
  EXPECT_THAT(what(R"({"documents":[{"text":"\ud800x"}]})"), HasSubstr("documents[0].text"));
}

TEST(JsonBody, HoldsItsBounds) {
  std::string deep = R"({"a":)";
  deep += std::string(40, '[') + std::string(40, ']') + "}";
  EXPECT_THAT(what(deep), AllOf(HasSubstr("a[0]"), HasSubstr("nested deeper than 32 levels")));
  EXPECT_EQ(what(deep, {.max_depth = 64}), "accepted");
  EXPECT_THAT(what(R"({"a":[1,2,3,4,5]})", {.max_values = 5}), HasSubstr("more than 5 values"));
  EXPECT_EQ(what(R"({"a":[1,2,3,4,5]})", {.max_values = 7}), "accepted");
}

}  // namespace
}  // namespace rerank::api
