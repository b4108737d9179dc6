// Every flag of every command that takes a number: its help states a range, and what is outside is refused in
// one line with the flag's name and that range.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/cli/program.h"
#include "tests/support/under_sanitizer.h"

namespace rerank {
namespace {

using testing::HasSubstr;
using testing::Not;

struct NumberFlag {
  std::string name;
  std::string type;
  double least = 0;
  double most = 0;
  bool is_above_least = false;
};

// What stands for a value that is no number.
bool is_text_type(const std::string& type) {
  static const std::set<std::string> kTexts = {"FILE", "DIR",   "NAME",  "TEXT",      "PATH",
                                               "URL",  "KEY",   "MODEL", "JSON",      "LIST",
                                               "HUB",  "QUERY", "VALUE", "KEY=VALUE", "ADDRESS"};
  return kTexts.contains(type);
}

// Entries of a help: "  -n, --top-n N      description" with lines that go on.
std::vector<NumberFlag> number_flags(const std::string& command) {
  std::istringstream help(run({"help", command}).out);
  std::vector<std::string> entries;
  for (std::string line; std::getline(help, line);) {
    if (line.starts_with("  -") || line.starts_with("      --")) {
      entries.push_back(line);
    } else if (!entries.empty() && line.starts_with(std::string(30, ' '))) {
      entries.back() += " " + line.substr(30);
    }
  }
  std::vector<NumberFlag> flags;
  static const std::regex kEntry(
      R"(^ +(?:-\w, )?(--[\w-]+)((?:, --[\w-]+)*) ([A-Z][A-Z=:]*(?:,\.\.\.)?|e2el:MS)(?: .*)?$)");
  static const std::regex kRange(R"(\[(above )?(\S+) to (\S+)\]$)");
  for (const std::string& entry : entries) {
    std::smatch parts;
    if (!std::regex_match(entry, parts, kEntry) || is_text_type(parts[3])) continue;
    NumberFlag flag{.name = parts[1], .type = parts[3]};
    std::smatch range;
    if (!std::regex_search(entry, range, kRange)) {
      ADD_FAILURE() << command << " " << flag.name << ": the help states no range: " << entry;
      continue;
    }
    flag.is_above_least = range[1].matched;
    flag.least = std::stod(range[2]);
    flag.most = std::stod(range[3]);
    flags.push_back(flag);
  }
  return flags;
}

// Unset: it is no number.
std::optional<double> number_in(const std::string& text) {
  double number = 0;
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, number);
  return result.ec == std::errc() && result.ptr == end ? std::optional(number) : std::nullopt;
}

class Numbers : public testing::TestWithParam<const char*> {};

TEST_P(Numbers, OutOfRangeAreRefusedByNameAndRange) {
  const std::string command = GetParam();
  if (kUnderSanitizer && command != "score")
    GTEST_SKIP() << "minutes under a sanitizer: one command is enough";
  const std::vector<NumberFlag> flags = number_flags(command);
  for (const NumberFlag& flag : flags) {
    const std::string range = flag.is_above_least
                                  ? fmt::format("above {} and at most {}", flag.least, flag.most)
                                  : fmt::format("from {} to {}", flag.least, flag.most);
    for (const std::string value : {"-1", "1e30", "99999999999999999999", "nan", "12abc", "", "0"}) {
      const auto number = number_in(value);
      const bool is_inside = number && *number <= flag.most &&
                             (flag.is_above_least ? *number > flag.least : *number >= flag.least);
      // Nothing of these commands works without what is missing here.
      std::vector<std::string> arguments = {command, flag.name, value};
      if (command == "bench") arguments.emplace_back("--offline");
      const Outcome outcome = run(arguments, "", {"ENV_FILE=/dev/null", "RERANK_CONFIG=/dev/null"});
      EXPECT_EQ(outcome.exit_code, 2) << command << " " << flag.name << " " << value << ": " << outcome.err;
      if (is_inside) {
        EXPECT_THAT(outcome.err, Not(HasSubstr(" is no "))) << flag.name << " " << value;
        continue;
      }
      EXPECT_THAT(outcome.err, HasSubstr(flag.name));
      EXPECT_THAT(outcome.err, HasSubstr(range)) << command << " " << flag.name << " " << value;
      EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 2)
          << outcome.err;  // it, and where help is
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Commands, Numbers,
                         testing::Values("rank", "score", "verify", "inspect", "serve", "bench", "pull",
                                         "synth"),
                         [](const testing::TestParamInfo<const char*>& test) {
                           return std::string(test.param);
                         });

TEST(Numbers, EveryCommandIsLookedAt) {
  std::size_t num_flags = 0;
  for (const char* command : {"serve", "bench"}) num_flags += number_flags(command).size();
  EXPECT_GT(num_flags, 45u);
  EXPECT_EQ(number_flags("synth").size(), 2u);
  EXPECT_EQ(number_flags("pull").size(), 2u);
  EXPECT_EQ(number_flags("tokenize").size(), 0u);
  EXPECT_EQ(number_flags("config").size(), 0u);
}

// D7: it made 32,000 threads, and nobody else could start a program.
TEST(Numbers, AsManyThreadsAsTheMachineDoesNotBear) {
  EXPECT_THAT(run({"rank", "-m", "demo", "-q", "x", "--threads", "999999"}).err,
              HasSubstr(R"(--threads: "999999" is not a whole number of threads from 0 to 1024)"));
  EXPECT_THAT(
      run({"rank", "-m", "demo", "-q", "x"}, "", {"RERANK_THREADS=999999"}).err,
      HasSubstr(R"(RERANK_THREADS=999999 in the environment: "999999" is not a whole number of threads)"));
}

}  // namespace
}  // namespace rerank
