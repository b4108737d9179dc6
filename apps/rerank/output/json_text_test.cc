#include "apps/rerank/output/json_text.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <limits>
#include <string>

#include "tests/support/error_of.h"

namespace rerank::cli {
namespace {

TEST(JsonText, OneObjectAndNothingBehindIt) {
  EXPECT_EQ(parse_object(" {\"a\":1} \n", "x").size(), 1U);
  EXPECT_EQ(error_of([] { parse_object("{} {}", "f:3"); }),
            "f:3: one JSON object expected, more text follows it at byte 4");
  EXPECT_EQ(error_of([] { parse_object("[1]", "f:3"); }), "f:3: a JSON object expected, found a list");
  EXPECT_NE(error_of([] { parse_object("{\"a\":}", "f:3"); }).find("at byte 6"), std::string::npos);
}

TEST(JsonText, AMissingFieldIsToldWhatThereIs) {
  const auto object = parse_object(R"({"title":"t","n":1,"none":null})", "x");
  EXPECT_EQ(text_field(object, "title", "f:1"), "t");
  EXPECT_EQ(error_of([&] { text_field(object, "text", "f:1"); }),
            "f:1: the object has no field \"text\"; it has \"title\", \"n\", \"none\"");
  EXPECT_EQ(error_of([&] { text_field(object, "n", "f:1"); }),
            "f:1: the field \"n\" must be a string, not a number");
  EXPECT_EQ(optional_text_field(object, "none", "f:1"), "");
  EXPECT_EQ(optional_text_field(object, "text", "f:1"), "");
}

TEST(JsonText, ANumberReadsBackAsTheSameFloat) {
  for (const float value : {0.1F, 1.0F, 0.99999994F, std::numeric_limits<float>::denorm_min(), -3.25F}) {
    EXPECT_EQ(std::strtof(number(value).c_str(), nullptr), value) << number(value);
  }
  EXPECT_EQ(number(0.1F), "0.1");
  EXPECT_NE(error_of([] { number(std::numeric_limits<float>::quiet_NaN()); }), "no error");
}

}  // namespace
}  // namespace rerank::cli
