// rerank rank: what it reads, the order it gives, and each form of output.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <string>
#include <vector>

#include "tests/cli/program.h"
#include "tests/cli/small_model.h"

namespace rerank {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

class Rank : public testing::Test {
 protected:
  boost::json::object rank_json(std::vector<std::string> more, const std::string& input = "") const {
    more.insert(more.end(), {"-q", "a query", "--format", "json"});
    const Outcome outcome = run(model_.rank(more), input);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    return boost::json::parse(outcome.out).as_object();
  }

  // Of the results in the order of the input.
  std::vector<double> scores(const std::vector<std::string>& more, const std::string& input = "") const {
    const boost::json::object reply = rank_json(more, input);
    const boost::json::array& results = reply.at("results").as_array();
    std::vector<double> found(results.size());
    for (const auto& result : results)
      found.at(result.at("index").as_int64()) = result.at("score").to_number<double>();
    return found;
  }

  void expect_refused(const std::vector<std::string>& more, const std::string& input,
                      const std::string& message) const {
    const Outcome outcome = run(model_.rank(more), input);
    EXPECT_EQ(outcome.exit_code, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_THAT(outcome.err, StartsWith("rerank: " + message));
  }

  const SmallModel model_;
};

TEST_F(Rank, OrdersByScoreAndKeepsTheOrderOfEqualOnes) {
  const boost::json::object reply = rank_json({}, "one\ntwo\none\nthree\ntwo\n");
  EXPECT_EQ(reply.at("query").as_string(), "a query");
  EXPECT_GT(reply.at("usage").at("prompt_tokens").as_int64(), 0);
  const boost::json::array& results = reply.at("results").as_array();
  ASSERT_EQ(results.size(), 5U);
  for (std::size_t i = 0; i + 1 < results.size(); ++i) {
    const double score = results[i].at("score").to_number<double>();
    const double next = results[i + 1].at("score").to_number<double>();
    EXPECT_GE(score, next);
    if (score == next) {
      EXPECT_LT(results[i].at("index").as_int64(), results[i + 1].at("index").as_int64());
    }
  }
  const std::vector<double> all = scores({}, "one\ntwo\none\nthree\ntwo\n");
  EXPECT_EQ(all[0], all[2]);
  EXPECT_EQ(all[1], all[4]);
  EXPECT_NE(all[0], all[1]);
}

TEST_F(Rank, TopNShowsTheBestOfAll) {
  const boost::json::object all = rank_json({}, "a\nb\nc\nd\n");
  const boost::json::object best = rank_json({"--top-n", "2"}, "a\nb\nc\nd\n");
  ASSERT_EQ(best.at("results").as_array().size(), 2U);
  EXPECT_EQ(best.at("results").as_array()[1], all.at("results").as_array()[1]);
  EXPECT_EQ(best.at("usage").at("prompt_tokens"), all.at("usage").at("prompt_tokens"));
  EXPECT_EQ(rank_json({"--top-n", "0"}, "a\nb\n").at("results").as_array().size(), 2U);
}

TEST_F(Rank, RawIsTheLogitDifference) {
  const std::vector<double> plain = scores({}, "one\ntwo\n");
  const std::vector<double> raw = scores({"--raw"}, "one\ntwo\n");
  for (std::size_t i = 0; i < 2; ++i) EXPECT_NEAR(plain[i], 1 / (1 + std::exp(-raw[i])), 1e-6);
  EXPECT_NE(plain, raw);
}

TEST_F(Rank, InstructionAndQueryChangeTheScores) {
  EXPECT_NE(scores({}, "one\n"), scores({"--instruction", "Find the opposite"}, "one\n"));
}

TEST_F(Rank, TabSeparatedWhenPiped) {
  const Outcome outcome = run(model_.rank({"-q", "x"}), "a\tb\x1b[0m\n");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, testing::MatchesRegex("0\t[0-9.e-]+\t0\ta b␛\\[0m\n"));
}

TEST_F(Rank, JsonLinesEchoTheWholeObjectAsItWasWritten) {
  const std::string first = R"({"id": 12345678901234567890123, "text": "one", "f": 1.10})";
  const std::string second = R"({"text":"t\u0077o"})";
  const Outcome outcome = run(model_.rank({"-q", "a query", "--field", "text", "--format", "jsonl"}),
                              first + "\n\n" + second + "\n");
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  ASSERT_EQ(lines_of(outcome.out).size(), 2U);
  EXPECT_THAT(outcome.out, HasSubstr("\"document\":" + first + "}\n"));
  EXPECT_THAT(outcome.out, HasSubstr("\"document\":" + second + "}\n"));
  EXPECT_EQ(scores({"--field", "text"}, first + "\n" + second + "\n"), scores({}, "one\ntwo\n"));
}

TEST_F(Rank, ReadsFilesStandardInputAndMarksOfOtherSystems) {
  const std::vector<double> wanted = scores({}, "one\n\ntwo\nthree\n");
  EXPECT_EQ(wanted.size(), 4U);
  EXPECT_EQ(scores({}, "\xEF\xBB\xBFone\r\n\r\ntwo\r\nthree"), wanted);
  const std::string first = model_.file("first.txt", "one\n\n");
  const std::string last = model_.file("last.txt", "three");
  EXPECT_EQ(scores({first, "-", last}, "two\n"), wanted);
}

TEST_F(Rank, RefusesInputsByFileAndLine) {
  expect_refused({"-q", "x"}, "", "no documents: standard input is empty");
  expect_refused({"-q", "x"}, "good\nb\xFF\x64\n",
                 "standard input:2: byte 2 of the line (0xff) is not valid UTF-8");
  expect_refused({"-q", "x\xC0", "-"}, "good\n", "--query: byte 2 is not valid UTF-8");
  const std::string missing = model_.path("missing.txt");
  expect_refused({"-q", "x", missing}, "", "cannot read " + missing + ": No such file");
  const std::string file = model_.file("d.jsonl", "{\"text\":\"a\"}\n{\"body\":\"b\"}\n");
  expect_refused({"-q", "x", "--field", "text", file}, "",
                 file + ":2: lacks the key \"text\"; it has \"body\"");
  expect_refused({"-q", "x", "--field", "text"}, "{\"text\":7}\n",
                 "standard input:1: text should be a string, not 7");
  expect_refused({"-q", "x", "--field", "text"}, "{\"text\":\"a\"\n", "standard input:1: not JSON at byte ");
  expect_refused({"-q", "x", "--field", "text"}, "{\"text\":\"a\"} {}\n",
                 "standard input:1: text after the end of the JSON, at byte 13");
}

TEST_F(Rank, JsonLinesWithoutAFieldAreWrongUsage) {
  const Outcome outcome = run(model_.rank({"-q", "x", model_.file("d.jsonl", "{\"text\":\"a\"}\n")}));
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--field"));
}

TEST_F(Rank, SaysWhatWasTruncatedOrRefusesIt) {
  const std::string documents = "short\n" + std::string(900, 'x') + "\n";
  const Outcome cut = run(model_.rank({"-q", "x", "--max-model-len", "600"}), documents);
  ASSERT_EQ(cut.exit_code, 0) << cut.err;
  EXPECT_THAT(cut.out, HasSubstr("\t1\tx"));
  EXPECT_THAT(cut.out, HasSubstr("\t0\tshort"));
  const Outcome table =
      run(model_.rank({"-q", "x", "--max-model-len", "600", "--format", "table"}), documents);
  EXPECT_THAT(table.out, HasSubstr("* 1 document was truncated"));
  const Outcome refused = run(model_.rank({"-q", "x", "--max-model-len", "600", "--no-truncate"}), documents);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("document 1 makes a prompt of "));
}

TEST_F(Rank, TableOnATerminalFitsItAndIsHarmless) {
  const std::string documents = model_.file("d.txt",
                                            "plain\n中文字中文字中文字中文字中文字中文字中文字中文字\n"
                                            "\x1b[2J\x1b[31mred\u202Eevil\a\n" +
                                                std::string(300, 'y') + "\n");
  const std::vector<std::string> arguments = model_.rank({"-q", "x", documents});
  const Outcome coloured = run_on_terminal(arguments, 70, {"NO_COLOR=", "TERM=xterm", "COLUMNS="});
  EXPECT_EQ(coloured.exit_code, 0) << coloured.out;
  EXPECT_THAT(coloured.out, HasSubstr("\x1b[1m"));
  EXPECT_THAT(coloured.out, Not(HasSubstr("\x1b[2J")));
  EXPECT_THAT(coloured.out, Not(HasSubstr("\x1b[31mred")));

  const Outcome plain = run_on_terminal(arguments, 70, {"NO_COLOR=1", "TERM=xterm", "COLUMNS="});
  EXPECT_THAT(plain.out, Not(HasSubstr("\x1b")));
  EXPECT_THAT(plain.out, Not(HasSubstr("\u202E")));
  EXPECT_THAT(plain.out, HasSubstr("␛[2J␛[31mred\uFFFDevil␇"));
  EXPECT_THAT(plain.out, HasSubstr("█"));
  for (const std::string& line : lines_of(plain.out)) {
    int cells = 0;
    for (const char byte : line) cells += (byte & 0xC0) != 0x80 && byte != '\r' ? 1 : 0;
    for (std::size_t at = line.find('\xE4'); at != std::string::npos; at = line.find('\xE4', at + 1)) ++cells;
    EXPECT_LE(cells, 70)
        << line;  // 中 begins with 0xE4 and takes two cells, so does 字 with 0xE5: counted once
  }
}

TEST_F(Rank, WarningsStayOutOfTheOutput) {
  const std::string no_directory = model_.file("taken", "");
  const Outcome outcome = run(model_.rank({"-q", "x", "--cache-dir", no_directory}), "one\n");
  EXPECT_EQ(outcome.exit_code, 0);
  EXPECT_EQ(lines_of(outcome.out).size(), 1U) << outcome.out;
  EXPECT_THAT(outcome.err, HasSubstr("cannot keep packed weights"));
}

TEST_F(Rank, SameBitsWhateverTheBatch) {
  const std::string documents = "one\ntwo\nthree\nfour\n" + std::string(500, 'z') + "\n";
  const std::vector<double> together = scores({}, documents);
  EXPECT_EQ(scores({"--max-num-batched-tokens", "64", "--max-num-seqs", "1", "--no-enable-prefix-caching"},
                   documents),
            together);
  const std::vector<std::string> lines = lines_of(documents);
  for (std::size_t i = 0; i < lines.size(); ++i)
    EXPECT_THAT(scores({}, lines[i] + "\n"), ElementsAre(together[i]));
}

}  // namespace
}  // namespace rerank
