#include "apps/rerank/flags/remote_flags.h"

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "apps/rerank/command.h"
#include "apps/rerank/flags/engine_flags.h"

namespace rerank::cli {
namespace {

std::vector<std::string> words_of(std::vector<const char*> arguments) {
  return without_remote_word(static_cast<int>(arguments.size()), arguments.data());
}

TEST(RemoteFlags, RemoteRankIsRankRemote) {
  using Words = std::vector<std::string>;
  EXPECT_EQ(words_of({"rerank", "remote", "rank", "-q", "x"}), (Words{"rank", "--remote", "-q", "x"}));
  EXPECT_EQ(words_of({"rerank", "remote", "score"}), (Words{"score", "--remote"}));
  EXPECT_EQ(words_of({"rerank", "remote", "info"}), (Words{"remote", "info"}));
  EXPECT_EQ(words_of({"rerank", "rank", "remote"}), (Words{"rank", "remote"}));
  EXPECT_EQ(words_of({"rerank"}), Words{});
}

// What is said of a command that has both kinds of flags.
std::string verdict_on(const std::vector<std::string>& words) {
  CLI::App command;
  EngineOptions engine{.model = ""};
  RemoteFlags remote;
  command.add_option("-m,--model", engine.model, "");
  add_engine_flags(command, engine);
  add_remote_flags(command, remote);
  command.parse(std::vector<std::string>(words.rbegin(), words.rend()));
  try {
    check_scorer_flags(command, engine, remote);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "";
}

TEST(RemoteFlags, FlagsOfTheOtherSideAreRefusedByName) {
  EXPECT_EQ(verdict_on({"-m", "demo"}), "");
  EXPECT_EQ(verdict_on({"--remote"}), "");
  EXPECT_EQ(verdict_on({"--url", "http://localhost:1", "--max-retries", "1"}), "");
  EXPECT_NE(verdict_on({"--remote", "--threads", "2"}).find("--threads"), std::string::npos);
  EXPECT_NE(verdict_on({"-m", "demo", "--max-retries", "1"}).find("--max-retries"), std::string::npos);
  EXPECT_NE(verdict_on({}).find("--model"), std::string::npos);
}

}  // namespace
}  // namespace rerank::cli
