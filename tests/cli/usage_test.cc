// The command line itself: help, versions, mistakes, exit codes, and outputs that can't be written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "rerank/version.h"
#include "tests/cli/program.h"
#include "tests/cli/small_model.h"

namespace rerank {
namespace {

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

const char* const kCommands[] = {"rank",  "score",  "verify", "tokenize", "inspect", "serve",
                                 "bench", "remote", "pull",   "synth",    "config"};

void expect_wrong_usage(const std::vector<std::string>& arguments, const std::string& message) {
  const Outcome outcome = run(arguments);
  EXPECT_EQ(outcome.exit_code, 2) << outcome.err;
  EXPECT_EQ(outcome.out, "");
  EXPECT_THAT(outcome.err, StartsWith("rerank: " + message));
}

TEST(Usage, ShowsTheVersion) {
  for (const char* flag : {"--version", "-V"}) {
    const Outcome outcome = run({flag});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.out, std::string("rerank ") + version() + "\n");
    EXPECT_EQ(outcome.err, "");
  }
}

TEST(Usage, HelpOfEveryCommandHasUsageAndExamples) {
  const std::string overview = run({"--help"}).out;
  for (const char* command : kCommands) {
    EXPECT_THAT(overview, HasSubstr(std::string("\n  ") + command + " "));
    const Outcome outcome = run({"help", command});
    EXPECT_EQ(outcome.exit_code, 0);
    EXPECT_EQ(outcome.err, "");
    EXPECT_THAT(outcome.out, HasSubstr(std::string("Usage: rerank ") + command + " "));
    EXPECT_THAT(outcome.out, HasSubstr(std::string("Examples:\n  ")));
    EXPECT_EQ(run({command, "--help"}).out, outcome.out);
  }
}

TEST(Usage, HelpHasNoOverlongLines) {
  for (const char* command : kCommands) {
    for (const std::string& line : lines_of(run({"help", command}).out)) EXPECT_LE(line.size(), 120U) << line;
  }
}

TEST(Usage, UnknownFlagNamesTheNearest) {
  expect_wrong_usage({"rank", "--modle", "demo", "-q", "x"}, "unknown flag --modle; did you mean --model?\n");
  expect_wrong_usage({"rank", "-m", "demo", "-q", "x", "--topn=3"},
                     "unknown flag --topn; did you mean --top-n?\n");
  expect_wrong_usage({"score", "-m", "demo", "--max-num-seq", "3"},
                     "unknown flag --max-num-seq; did you mean --max-num-seqs?\n");
  expect_wrong_usage({"synth", "--sede", "3"}, "unknown flag --sede; did you mean --seed?\n");
  // What is like nothing is not said to be near anything.
  expect_wrong_usage({"serve", "--no-such"}, "unknown flag --no-such\n");
  expect_wrong_usage({"--vresion"}, "unknown flag --vresion; did you mean --version?\n");
}

TEST(Usage, HelpAloneIsTheProgramsOwn) {
  EXPECT_EQ(run({"help"}).out, run({"--help"}).out);
  EXPECT_THAT(run({"help"}).out, HasSubstr("Usage: rerank COMMAND [options]\n"));
  EXPECT_THAT(run({"help", "help"}).out, HasSubstr("Usage: rerank help [options] [COMMAND]\n"));
}

TEST(Usage, UnknownCommandNamesTheNearest) {
  expect_wrong_usage({"rnak"}, "unknown command rnak; did you mean rank?\n");
  expect_wrong_usage({"help", "scroe"}, "unknown command scroe; did you mean score?\n");
}

TEST(Usage, SaysWhatIsMissingOrMalformed) {
  expect_wrong_usage({}, "missing command, one of: rank, score,");
  expect_wrong_usage({"rank", "-q", "x"}, "--model is required");
  expect_wrong_usage({"rank", "-m", "demo"}, "--query is required");
  expect_wrong_usage({"rank", "-m", "demo", "-q", "x", "--top-n", "-1"},
                     "--top-n: \"-1\" is not a whole number");
  expect_wrong_usage({"rank", "-m", "demo", "-q", "x", "--top-n", "1e3"},
                     "--top-n: \"1e3\" is not a whole number");
  expect_wrong_usage({"rank", "-m", "demo", "-q", "x", "--dtype", "bf16"},
                     "--dtype: \"bf16\" is not one of auto | bfloat16 | float32");
  expect_wrong_usage({"rank", "-m", "demo", "-q", "x", "--gpu-memory-utilization", "1.5"},
                     "--gpu-memory-utilization: \"1.5\" is not a number above 0 and at most 1");
  expect_wrong_usage({"rank", "-m", "demo", "-q", "x", "--format", "xml"},
                     "--format: \"xml\" is not one of table");
  expect_wrong_usage({"synth", "--config", "nano", "--out", "x", "more"}, "unexpected argument more");
  expect_wrong_usage({"remote"}, "COMMAND is required");
  expect_wrong_usage({"remote", "serve"}, "missing command: use rerank remote rank");
  expect_wrong_usage({"tokenize"}, "no tokenizer given");
}

TEST(Usage, UnknownModelIsRefusedInput) {
  const Outcome outcome = run({"rank", "-m", "/nowhere/at-all", "-q", "x"}, "a document\n");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, StartsWith("rerank: "));
  EXPECT_THAT(outcome.err, HasSubstr("/nowhere/at-all"));
}

TEST(Usage, AFlagOfAnotherDeviceIsRefusedByName) {
  const Outcome outcome =
      run({"rank", "-m", "demo", "-q", "x", "--device", "cpu", "--quantization", "fp8"}, "a\n");
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err, "rerank: --quantization: fp8 is for the device cuda\n");
}

TEST(Usage, AKeyOfAnotherCertificateIsCalledThat) {
  const SmallModel place;
  for (const std::string name : {"a", "b"}) {
    const std::string command =
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj "
        "/CN=localhost "
        "-keyout " +
        place.path(name + ".key") + " -out " + place.path(name + ".pem") + " 2>/dev/null";
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
  const std::string certificate = place.path("a.pem"), key = place.path("b.key");
  const Outcome outcome =
      run({"serve", "demo", "--port", "0", "--ssl-certfile", certificate, "--ssl-keyfile", key});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_EQ(outcome.err,
            "rerank: --ssl-keyfile " + key + ": does not match the certificate in " + certificate + "\n");
}

TEST(Usage, MessagesCannotSteerTheTerminal) {
  const Outcome outcome = run({"rank", "-m", "demo", "-q", "x", "\x1b[31m.txt"});
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, Not(HasSubstr("\x1b")));
  EXPECT_THAT(outcome.err, HasSubstr("␛[31m.txt"));
}

TEST(Usage, OutputThatCannotBeWrittenIsAnError) {
  Program program({"--version"}, {}, "/dev/full");
  const Outcome outcome = program.finish();
  EXPECT_EQ(outcome.exit_code, 1);
  EXPECT_THAT(outcome.err, StartsWith("rerank: cannot write to standard output: "));
}

TEST(Usage, EndsQuietlyWhenNobodyReads) {
  const SmallModel model;
  Program program({"tokenize", "--tokenizer", model.tokenizer()});
  program.close_output();
  program.write("text\n");
  const Outcome outcome = program.finish();
  EXPECT_EQ(outcome.exit_code, 141);
  EXPECT_EQ(outcome.err, "");
}

}  // namespace
}  // namespace rerank
