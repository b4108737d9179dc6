#include "apps/rerank/output/score_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "checkpoint/scratch_directory.h"
#include "tests/support/error_of.h"

namespace rerank::cli {
namespace {

TEST(ScoreFile, AppearsUnderItsNameOnlyWhenItIsComplete) {
  const ScratchDirectory folder;
  {
    ScoreFile file(folder.path() / "scores", Earlier::kRefuse);
    file.open();
    file.write("one\n");
    file.flush();
    EXPECT_EQ(folder.names(), std::vector<std::string>{"scores.partial"});
    file.finish();
  }
  EXPECT_EQ(folder.names(), std::vector<std::string>{"scores"});
  EXPECT_EQ(folder.read("scores"), "one\n");
}

TEST(ScoreFile, NothingIsOverwrittenUnasked) {
  const ScratchDirectory folder;
  const std::string path = folder.write("scores", "old\n");
  EXPECT_NE(error_of([&] { ScoreFile(path, Earlier::kRefuse); }).find("--force"), std::string::npos);
  folder.write("other.partial", "old\n");
  EXPECT_NE(error_of([&] { ScoreFile(folder.path() / "other", Earlier::kRefuse); }).find("--resume"),
            std::string::npos);
  EXPECT_NE(error_of([&] { ScoreFile(folder.path(), Earlier::kReplace); }).find("is a directory"),
            std::string::npos);
}

TEST(ScoreFile, ResumingDropsALineThatWasTorn) {
  const ScratchDirectory folder;
  folder.write("scores.partial", "one\ntwo\nthr");
  ScoreFile file(folder.path() / "scores", Earlier::kResume);
  EXPECT_EQ(file.num_earlier_lines(), 2);
  EXPECT_EQ(file.last_earlier_line(), "two");
  file.open();
  file.write("three\n");
  file.finish();
  EXPECT_EQ(folder.read("scores"), "one\ntwo\nthree\n");
}

TEST(ScoreFile, AFinishedFileStaysUntilTheNewOneIsComplete) {
  const ScratchDirectory folder;
  const std::string path = folder.write("scores", "old\n");
  {
    ScoreFile file(path, Earlier::kReplace);
    file.open();
    file.write("new\n");
    EXPECT_EQ(folder.read("scores"), "old\n");
  }
  EXPECT_EQ(folder.names(), std::vector<std::string>{"scores"}) << "an empty leftover is removed";
}

TEST(ScoreFile, TwoProcessesDoNotWriteOneFile) {
  const ScratchDirectory folder;
  ScoreFile first(folder.path() / "scores", Earlier::kReplace);
  first.open();
  ScoreFile second(folder.path() / "scores", Earlier::kReplace);
  EXPECT_NE(error_of([&] { second.open(); }).find("another process"), std::string::npos);
}

}  // namespace
}  // namespace rerank::cli
