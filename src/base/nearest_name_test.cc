#include "base/nearest_name.h"

#include <gtest/gtest.h>

namespace rerank {
namespace {

TEST(NearestName, CountsInsertedDroppedChangedAndSwappedLetters) {
  const std::vector<std::string> known = {"--model", "--top-n", "--max-num-seqs", "--port"};
  EXPECT_EQ(nearest("--modle", known), "--model");
  EXPECT_EQ(nearest("--topn", known), "--top-n");
  EXPECT_EQ(nearest("--max-num-seq", known), "--max-num-seqs");
  EXPECT_EQ(nearest("--prt", known), "--port");
  EXPECT_EQ(nearest("", known), "--port");
}

TEST(NearestName, TakesTheFirstOfEqualsAndNothingFromNothing) {
  EXPECT_EQ(nearest("ab", {"ax", "ay"}), "ax");
  EXPECT_EQ(nearest("ab", {}), "");
}

TEST(NearestName, SuggestsOnlyWhatMayHaveBeenMeant) {
  const std::vector<std::string> known = {"--host", "--model", "--port"};
  EXPECT_EQ(suggestion("--prot", known), "; did you mean --port?");
  EXPECT_EQ(suggestion("--hosts", known), "; did you mean --host?");
  EXPECT_EQ(suggestion("--no-such", known), "");
  EXPECT_EQ(suggestion("x", known), "");
  EXPECT_EQ(suggestion("x", {"y"}), "; did you mean y?");
  EXPECT_EQ(suggestion("x", {}), "");
}

}  // namespace
}  // namespace rerank
