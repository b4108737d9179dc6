// What a command line with a mistake in it is told.
#include "apps/rerank/flags/command_line.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "apps/rerank/command.h"
#include "apps/rerank/flags/help_text.h"

namespace rerank::cli {
namespace {

class CommandLineTest : public testing::Test {
 protected:
  CommandLineTest() {
    program_.formatter(help_formatter());
    program_.require_subcommand(1);
    rank_ = program_.add_subcommand("rank", "Rank documents");
    rank_->add_option("-q,--query", query_, "what the documents are ranked by")
        ->type_name("TEXT")
        ->required();
    rank_->add_option("FILES", files_, "the documents");
    program_.add_subcommand("score", "Score pairs");
  }
  std::string usage_error_of(const std::vector<std::string>& words) {
    try {
      parse_command_line(program_, words);
    } catch (const UsageError& error) {
      return error.what();
    }
    return "no error";
  }

  CLI::App program_{"A program", "rerank"};
  CLI::App* rank_ = nullptr;
  std::string query_;
  std::vector<std::string> files_;
};

TEST_F(CommandLineTest, WordsReachTheirFlags) {
  parse_command_line(program_, {"rank", "-q", "a query", "one.txt", "two.txt"});
  EXPECT_EQ(query_, "a query");
  EXPECT_EQ(files_, (std::vector<std::string>{"one.txt", "two.txt"}));
}

TEST_F(CommandLineTest, AnUnknownWordIsToldTheNearestOne) {
  EXPECT_EQ(usage_error_of({"rnak"}), "unknown command rnak; did you mean rank?");
  EXPECT_EQ(usage_error_of({"rank", "--qeury=x"}), "unknown flag --qeury; did you mean --query?");
  EXPECT_EQ(usage_error_of({"score", "extra"}), "unexpected argument extra");
}

TEST_F(CommandLineTest, WhatIsMissingIsNamed) {
  EXPECT_EQ(usage_error_of({}), "missing command, one of: rank, score");
  EXPECT_NE(usage_error_of({"rank"}).find("--query"), std::string::npos);
}

TEST_F(CommandLineTest, TheHelpSpellsOutWhatIsRequired) {
  const std::string help = rank_->help("rerank");
  EXPECT_NE(help.find("Usage: rerank rank -q TEXT [options] [FILES...]\n"), std::string::npos) << help;
  EXPECT_NE(help.find("what the documents are ranked by"), std::string::npos);
}

TEST_F(CommandLineTest, LongDescriptionsAreWrapped) {
  std::string words;
  for (int word = 0; word < 60; ++word) words += "word ";
  rank_->add_option("--long", query_, words);
  std::size_t begin = 0;
  const std::string help = rank_->help("rerank");
  for (std::size_t end = help.find('\n'); end != std::string::npos; end = help.find('\n', begin)) {
    EXPECT_LE(end - begin, 110U) << help.substr(begin, end - begin);
    begin = end + 1;
  }
}

}  // namespace
}  // namespace rerank::cli
