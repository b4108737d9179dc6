// rerank score: streams of pairs, and files that are resumed, refused or replaced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>

#include <boost/json.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli/program.h"
#include "tests/cli/small_model.h"

namespace rerank {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

std::string pair_line(int index) {
  return boost::json::serialize(boost::json::object{{"query", "query " + std::to_string(index / 7)},
                                                    {"document", "document " + std::to_string(index)}}) +
         "\n";
}

std::string pair_lines(int count) {
  std::string text;
  for (int index = 0; index < count; ++index) text += pair_line(index);
  return text;
}

class Score : public testing::Test {
 protected:
  std::string scored(const std::string& input) const {
    const Outcome outcome = run(model_.score({}), input);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(outcome.err, "");
    return outcome.out;
  }
  Outcome score_file(const std::string& input, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {input, "-o", output_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run(model_.score(arguments));
  }

  const SmallModel model_;
  const std::string output_ = model_.path("scores.jsonl");
  const std::string partial_ = output_ + ".partial";
};

TEST_F(Score, OneLineForEachPairInOrder) {
  const std::vector<std::string> lines = lines_of(scored(pair_lines(300)));
  ASSERT_EQ(lines.size(), 300U);
  for (int index = 0; index < 300; ++index) {
    const boost::json::value line = boost::json::parse(lines[index]);
    EXPECT_EQ(line.at("index").as_int64(), index);
    EXPECT_GT(line.at("score").to_number<double>(), 0);
  }
}

TEST_F(Score, SameBitsAsRank) {
  const Outcome ranked =
      run(model_.rank({"-q", "query 0", "--format", "jsonl", "--raw"}), "document 3\ndocument 5\n");
  const std::string pairs = pair_line(3) + pair_line(5);
  for (const std::string& line : lines_of(run(model_.score({"--raw"}), pairs).out)) {
    EXPECT_THAT(ranked.out, HasSubstr(line.substr(0, line.size() - 1) + ","));
  }
}

TEST_F(Score, TabSeparatedInAndOutAndInstructions) {
  const std::string jsonl =
      "{\"query\":\"q\",\"document\":\"d\"}\n{\"query\":\"q\",\"document\":\"d\",\"instruction\":\"i\"}\n";
  const std::string from_jsonl = run(model_.score({"--format", "tsv"}), jsonl).out;
  const std::string tsv = model_.file("pairs.tsv", "q\td\r\nq\td\ti\n");
  EXPECT_EQ(run(model_.score({tsv, "--format", "tsv"})).out, from_jsonl);
  const std::vector<std::string> lines = lines_of(from_jsonl);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], testing::MatchesRegex("0\t[0-9.e-]+\t0"));
  EXPECT_NE(lines[0].substr(1), lines[1].substr(1));
  EXPECT_EQ(lines_of(run(model_.score({"--format", "tsv", "--instruction", "i"}), jsonl).out)[0].substr(1),
            lines[1].substr(1));
}

TEST_F(Score, NothingInNothingOut) {
  EXPECT_EQ(scored(""), "");
  EXPECT_EQ(score_file(model_.file("empty.jsonl", "")).exit_code, 0);
  EXPECT_EQ(content_of(output_), "");
  EXPECT_TRUE(std::filesystem::exists(output_));
}

TEST_F(Score, AnswersBeforeTheInputEnds) {
  Program program(model_.score({}));
  program.write(pair_line(0));
  EXPECT_THAT(program.read_line(), StartsWith("{\"index\":0,"));
  program.write(pair_line(1) + pair_line(2));
  EXPECT_THAT(program.read_line(), StartsWith("{\"index\":1,"));
  EXPECT_THAT(program.read_line(), StartsWith("{\"index\":2,"));
  EXPECT_EQ(program.finish().exit_code, 0);
}

TEST_F(Score, BadLineIsNamedAndWhatStandsBeforeItCounts) {
  const std::string good = scored(pair_lines(100));
  const std::string input =
      model_.file("pairs.jsonl", pair_lines(100) + "{\"query\":\"q\"}\n" + pair_lines(5));
  const Outcome straight = run(model_.score({input}));
  EXPECT_EQ(straight.exit_code, 1);
  EXPECT_EQ(straight.out, good);
  EXPECT_THAT(straight.err, StartsWith("rerank: " + input + ":101: lacks the key \"document\""));

  const Outcome to_file = score_file(input);
  EXPECT_EQ(to_file.exit_code, 1);
  EXPECT_THAT(to_file.err, HasSubstr("100 pairs are done and kept in " + partial_));
  EXPECT_EQ(content_of(partial_), good);
  EXPECT_FALSE(std::filesystem::exists(output_));
}

TEST_F(Score, NothingIsLeftWhenNoPairWasScored) {
  EXPECT_EQ(score_file(model_.file("pairs.jsonl", "{}\n")).exit_code, 1);
  EXPECT_FALSE(std::filesystem::exists(output_));
  EXPECT_FALSE(std::filesystem::exists(partial_));
}

TEST_F(Score, PairTooLongIsNamed) {
  const std::string input =
      model_.file("pairs.jsonl", pair_lines(2) + "{\"query\":\"query 0\",\"document\":\"" +
                                     std::string(900, 'x') + "\"}\n" + pair_line(3));
  const Outcome outcome = run(model_.score({input, "--max-model-len", "600", "--no-truncate"}));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, StartsWith("rerank: " + input + ":3: "));
  EXPECT_EQ(lines_of(outcome.out).size(), 2U);
  EXPECT_THAT(run(model_.score({input, "--max-model-len", "600"})).out,
              HasSubstr("\"truncated\":true}\n{\"index\":3"));
}

TEST_F(Score, ResumedFileIsTheSameBytes) {
  const std::string whole = scored(pair_lines(50));
  const std::string input = model_.file("pairs.jsonl", pair_lines(50));
  const std::size_t line_end = whole.find('\n', whole.size() / 2) + 1;
  for (const std::size_t kept : {std::size_t{0}, line_end, line_end + 7, whole.size()}) {
    model_.file("scores.jsonl.partial", whole.substr(0, kept));
    const Outcome outcome = score_file(input, {"--resume"});
    EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
    EXPECT_EQ(content_of(output_), whole) << kept;
    EXPECT_FALSE(std::filesystem::exists(partial_));
    std::filesystem::remove(output_);
  }
}

TEST_F(Score, FinishedFileIsResumedWhenTheInputGrew) {
  ASSERT_EQ(score_file(model_.file("pairs.jsonl", pair_lines(20))).exit_code, 0);
  ASSERT_EQ(score_file(model_.file("pairs.jsonl", pair_lines(30)), {"--resume"}).exit_code, 0);
  EXPECT_EQ(content_of(output_), scored(pair_lines(30)));
}

TEST_F(Score, ResumeRefusesWhatDoesNotBelongTogether) {
  const std::string whole = scored(pair_lines(10));
  model_.file("scores.jsonl.partial", whole);
  const Outcome shorter = score_file(model_.file("short.jsonl", pair_lines(9)), {"--resume"});
  EXPECT_EQ(shorter.exit_code, 1);
  EXPECT_THAT(shorter.err, HasSubstr("has 10 scores, but"));
  std::string other = pair_lines(12);
  other.replace(other.find("document 9"), 10, "another 99");
  const Outcome changed = score_file(model_.file("other.jsonl", other), {"--resume"});
  EXPECT_EQ(changed.exit_code, 1);
  EXPECT_THAT(changed.err, HasSubstr("the input, model, machine or format is different"));
  EXPECT_EQ(content_of(partial_), whole);
}

TEST_F(Score, FilesThatExistAreNotOverwritten) {
  const std::string input = model_.file("pairs.jsonl", pair_lines(3));
  model_.file("scores.jsonl", "precious");
  const Outcome refused = score_file(input);
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_THAT(refused.err, HasSubstr("already exists; use --force to overwrite it"));
  EXPECT_EQ(content_of(output_), "precious");
  EXPECT_EQ(score_file(input, {"--force"}).exit_code, 0);
  EXPECT_EQ(content_of(output_), scored(pair_lines(3)));
}

TEST_F(Score, FailedRunKeepsTheFileItWasToReplace) {
  model_.file("scores.jsonl", "precious");
  EXPECT_EQ(score_file(model_.file("pairs.jsonl", "bad\n"), {"--force"}).exit_code, 1);
  EXPECT_EQ(content_of(output_), "precious");
}

TEST_F(Score, StopsCleanlyAndGoesOn) {
  for (const int signal : {SIGINT, SIGTERM}) {
    Program program(model_.score({"-", "-o", output_}));
    program.write(pair_lines(10));
    ASSERT_TRUE(wait_until([this] { return lines_of(content_of(partial_)).size() == 10; }));
    program.signal(signal);
    const Outcome outcome = program.finish();
    EXPECT_EQ(outcome.exit_code, 130);
    EXPECT_THAT(outcome.err, StartsWith("rerank: stopped\n10 pairs are done and kept in "));
    EXPECT_EQ(run(model_.score({"-", "-o", output_, "--resume"}), pair_lines(20)).exit_code, 0);
    EXPECT_EQ(content_of(output_), scored(pair_lines(20)));
    std::filesystem::remove(output_);
  }
}

TEST_F(Score, FullDiskIsAnError) {
  const Outcome outcome = run(model_.score({"-o", "/dev/full"}), pair_lines(3));
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, StartsWith("rerank: cannot write to /dev/full: "));
}

TEST_F(Score, FailedWriteIsCutBackToWholeLines) {
  const std::string whole = scored(pair_lines(100));
  const std::string kept = whole.substr(0, whole.find('\n', 1000) + 1);
  model_.file("scores.jsonl.partial", kept);
  const std::string input = model_.file("pairs.jsonl", pair_lines(100));
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  rlimit small = limit;
  small.rlim_cur = whole.find('\n', 2000) - 5;  // bytes of a file, inside a line: the child inherits it
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &small), 0);
  const Outcome outcome = score_file(input, {"--resume"});
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, StartsWith("rerank: cannot write to " + partial_ + ": "));
  // On a busy machine some lines are written before the write that fails; of that one nothing is left.
  const std::string left = content_of(partial_);
  EXPECT_LT(left.size(), small.rlim_cur);
  EXPECT_THAT(left, StartsWith(kept));
  EXPECT_THAT(whole, StartsWith(left));
  EXPECT_EQ(left.back(), '\n');
  EXPECT_EQ(score_file(input, {"--resume"}).exit_code, 0);
  EXPECT_EQ(content_of(output_), whole);
}

TEST_F(Score, SecondWriterIsRefused) {
  Program first(model_.score({"-", "-o", output_}));
  first.write(pair_lines(1));
  ASSERT_TRUE(wait_until([this] { return !content_of(partial_).empty(); }));
  const Outcome second = score_file(model_.file("pairs.jsonl", pair_lines(3)), {"--resume"});
  EXPECT_EQ(second.exit_code, 1);
  EXPECT_THAT(second.err, HasSubstr("is being written by another process"));
  EXPECT_EQ(first.finish().exit_code, 0);
  EXPECT_EQ(content_of(output_), scored(pair_lines(1)));
}

TEST_F(Score, WrongUsage) {
  EXPECT_EQ(run(model_.score({"--resume"})).exit_code, 2);
  EXPECT_EQ(run(model_.score({"-o", "x", "--resume", "--force"})).exit_code, 2);
  const Outcome unknown = run(model_.score({model_.file("pairs.txt", "")}));
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("--input-format"));
}

}  // namespace
}  // namespace rerank
