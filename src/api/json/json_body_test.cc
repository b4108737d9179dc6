#include "api/json/json_body.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
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
  EXPECT_THAT(what(""), HasSubstr("it is incomplete"));
  EXPECT_THAT(what(R"({"query":"a")"), AllOf(HasSubstr("incomplete"), HasSubstr("byte 12")));
  EXPECT_THAT(what(R"({"query":"a","documents":["b",nul]})"),
              AllOf(HasSubstr("documents[1]"), HasSubstr("at byte 30")));
  EXPECT_THAT(what(R"({"query":"a"} x)"), HasSubstr("more text after its end, at byte 14"));
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

TEST(JsonBody, NamesAHalfPairBeforeAnEscape) {
  for (const char* text : {R"({"query":"\ud83d\n"})", R"({"query":"\ud83dx"})", R"({"query":"\ud83d"})",
                           R"({"query":"\ud83d\ud83d"})", R"({"query":"\ud83d\u0041"})"}) {
    EXPECT_THAT(what(text), HasSubstr("half of a surrogate pair")) << text;
  }
}

TEST(JsonBody, TakesAByteOrderMark) {
  EXPECT_EQ(what("\xef\xbb\xbf{\"a\":1}"), "accepted");
  EXPECT_THAT(what(std::string("\xff\xfe{\0}\0", 6)), HasSubstr("UTF-16"));
  EXPECT_THAT(what(std::string("\xfe\xff\0{\0}", 6)), HasSubstr("UTF-16"));
  EXPECT_THAT(what(std::string("{\0}\0", 4)), HasSubstr("UTF-16"));
}

// What a request may hold of 100,000 bytes.
class SmallAllowance : public Allowance {
 public:
  void take(std::size_t bytes) override {
    if (bytes > left_) throw ApiError(413, "no room");
    left_ -= bytes;
    least_left_ = std::min(least_left_, left_);
  }
  void give_back(std::size_t bytes) override { left_ += bytes; }
  std::size_t left() const { return left_; }
  std::size_t least_left() const { return least_left_; }

 private:
  std::size_t left_ = 100'000;
  std::size_t least_left_ = left_;
};

int status_of_reading(const std::string& text, Allowance& allowance) {
  try {
    const JsonBody body(text, {}, allowance);
  } catch (const ApiError& error) {
    return error.status();
  }
  return 200;
}

// A value takes more than its text: of "[0]," 16 times and more.
TEST(JsonBody, AsksForWhatItsValuesTake) {
  const auto list_of = [](const std::string& value, int count) {
    std::string text = R"({"a":[)" + value;
    for (int i = 1; i < count; ++i) text += "," + value;
    return text + "]}";
  };
  for (const char* value : {"[0]", "[]", "1", R"("0123456789abcdef")", R"({"":0})", R"("\u0041\u0041")"}) {
    SmallAllowance allowance;
    EXPECT_EQ(status_of_reading(list_of(value, 100), allowance), 200) << value;
    EXPECT_EQ(allowance.left(), 100'000U) << value;
    EXPECT_LT(allowance.least_left(), 100'000U - 24 * 100) << value;
    EXPECT_EQ(status_of_reading(list_of(value, 5'000), allowance), 413) << value;
    EXPECT_EQ(allowance.left(), 100'000U) << value;
  }
  SmallAllowance allowance;
  EXPECT_EQ(status_of_reading(R"({"a":")" + std::string(120'000, 'x') + "\"}", allowance), 413);
  EXPECT_EQ(allowance.left(), 100'000U);
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
