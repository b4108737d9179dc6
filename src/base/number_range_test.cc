#include "base/number_range.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "tests/support/error_of.h"

namespace rerank {
namespace {

constexpr NumberRange kThreads = whole_numbers(0, 1024, "threads");
constexpr NumberRange kShare = numbers_above(0, 1);
constexpr NumberRange kSeconds = numbers(0, 1e6, "seconds");

TEST(NumberRange, TakesWhatItHolds) {
  EXPECT_EQ(parse_number("0", kThreads), 0);
  EXPECT_EQ(parse_number("1024", kThreads), 1024);
  EXPECT_EQ(parse_number("1", kShare), 1);
  EXPECT_EQ(parse_number("1e-9", kShare), 1e-9);
  EXPECT_EQ(parse_number("1e6", kSeconds), 1e6);
}

TEST(NumberRange, TakesNothingElse) {
  for (const char* text : {"", " ", "-1", "1025", "99999999999999999999999", "1e30", "1e3", "nan", "inf",
                           "-inf", "12abc", "+1", " 1", "1 ", "0x10", "1.0", "1,2"}) {
    EXPECT_EQ(parse_number(text, kThreads), std::nullopt) << text;
  }
  for (const char* text : {"", "0", "-0", "-1", "1.0000001", "1e30", "nan", "inf", "0.5x", "1e-400"}) {
    EXPECT_EQ(parse_number(text, kShare), std::nullopt) << text;
  }
}

TEST(NumberRange, SaysWhatItHolds) {
  EXPECT_EQ(text_of(kThreads), "whole number of threads from 0 to 1024");
  EXPECT_EQ(text_of(kShare), "number above 0 and at most 1");
  EXPECT_EQ(text_of(kSeconds), "number of seconds from 0 to 1000000");
  EXPECT_EQ(text_of(whole_numbers(1, 9007199254740991)), "whole number from 1 to 9007199254740991");
  EXPECT_EQ(short_text_of(kThreads), "[0 to 1024]");
  EXPECT_EQ(short_text_of(kShare), "[above 0 to 1]");
}

TEST(NumberRange, RefusesNamingTheOption) {
  const auto refusal = [](double value) {
    return error_of([&] { require_in_range(value, "num_threads", kThreads); });
  };
  EXPECT_EQ(refusal(1024), "no error");
  EXPECT_EQ(refusal(-1), "num_threads: must be a whole number of threads from 0 to 1024, not -1");
  EXPECT_EQ(refusal(2147483647),
            "num_threads: must be a whole number of threads from 0 to 1024, not 2147483647");
  EXPECT_NE(refusal(std::numeric_limits<double>::quiet_NaN()), "no error");
}

}  // namespace
}  // namespace rerank
