#include "apps/rerank/flags/number_flags.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>
#include <vector>

namespace rerank::cli {
namespace {

// The message that this command line is refused with; empty when it is not.
std::string refusal_of(CLI::App& command, const std::vector<std::string>& words) {
  try {
    command.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  } catch (const CLI::ParseError& error) {
    return error.what();
  }
  return "";
}

TEST(NumberFlags, ACountTakesItsRangeAndNothingElse) {
  CLI::App command;
  std::int32_t count = 3;
  CLI::Option* option = add_count(command, "--count", count, whole_numbers(1, 10), "how many");
  EXPECT_EQ(option->get_description(), "how many [1 to 10]");
  EXPECT_EQ(option->get_default_str(), "3");
  EXPECT_EQ(refusal_of(command, {"--count", "10"}), "");
  EXPECT_EQ(count, 10);
  for (const char* given : {"0", "11", "2.5", "x", "", "1e99", "nan"}) {
    EXPECT_NE(refusal_of(command, {"--count", given}).find("from 1 to 10"), std::string::npos) << given;
  }
  EXPECT_EQ(count, 10) << "a refused value changes nothing";
}

TEST(NumberFlags, SecondsAreRoundedUpToMilliseconds) {
  CLI::App command;
  std::chrono::milliseconds time{5000};
  EXPECT_EQ(add_seconds(command, "--time", time, "")->get_default_str(), "5");
  EXPECT_EQ(refusal_of(command, {"--time", "0.0001"}), "");
  EXPECT_EQ(time, std::chrono::milliseconds(1));
}

TEST(NumberFlags, EveryNumberOfAListIsChecked) {
  CLI::App command;
  std::string list;
  std::string rates;
  add_numbers(command, "--list", list, whole_numbers(1, 10), "");
  add_numbers(command, "--rates", rates, numbers_above(0, 10), "", true);
  EXPECT_EQ(refusal_of(command, {"--list", "1,2,10", "--rates", "0.5,inf"}), "");
  EXPECT_EQ(list, "1,2,10");
  EXPECT_EQ(rates, "0.5,inf");
  EXPECT_NE(refusal_of(command, {"--list", "1,,2"}), "");
  EXPECT_NE(refusal_of(command, {"--list", "1,inf"}), "");
  EXPECT_NE(refusal_of(command, {"--list", "1,11"}).find("\"11\""), std::string::npos);
}

}  // namespace
}  // namespace rerank::cli
