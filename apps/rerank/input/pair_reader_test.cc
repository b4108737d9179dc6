#include "apps/rerank/input/pair_reader.h"

#include <gtest/gtest.h>

#include <string>

#include "apps/rerank/command.h"
#include "checkpoint/scratch_directory.h"
#include "tests/support/error_of.h"

namespace rerank::cli {
namespace {

TEST(PairReader, JsonLines) {
  const ScratchDirectory folder;
  PairReader reader(folder.write("pairs.jsonl",
                                 "{\"query\":\"q\",\"document\":\"d\",\"more\":1}\n \n"
                                 "{\"query\":\"q2\",\"document\":\"\",\"instruction\":\"i\"}\n"),
                    PairFormat::kJsonl);
  Pair pair;
  ASSERT_TRUE(reader.next(pair));
  EXPECT_EQ(pair.query + "|" + pair.document + "|" + pair.instruction, "q|d|");
  ASSERT_TRUE(reader.next(pair));
  EXPECT_EQ(pair.query + "|" + pair.document + "|" + pair.instruction, "q2||i");
  EXPECT_EQ(pair.line_number, 3);
  EXPECT_FALSE(reader.next(pair));
}

TEST(PairReader, TabSeparatedValues) {
  const ScratchDirectory folder;
  PairReader reader(folder.write("pairs.tsv", "q\td\nq\t\ti\nno tab\n"), PairFormat::kTsv);
  Pair pair;
  ASSERT_TRUE(reader.next(pair));
  EXPECT_EQ(pair.query + "|" + pair.document + "|" + pair.instruction, "q|d|");
  ASSERT_TRUE(reader.next(pair));
  EXPECT_EQ(pair.query + "|" + pair.document + "|" + pair.instruction, "q||i");
  EXPECT_NE(error_of([&] { reader.next(pair); }).find("pairs.tsv:3"), std::string::npos);
}

TEST(PairReader, AFourthColumnIsRefused) {
  const ScratchDirectory folder;
  PairReader reader(folder.write("pairs.tsv", "q\td\ti\tx\n"), PairFormat::kTsv);
  Pair pair;
  EXPECT_NE(error_of([&] { reader.next(pair); }).find("more than three columns"), std::string::npos);
}

TEST(PairReader, TheNameOfTheFileSaysItsFormat) {
  EXPECT_EQ(pair_format_of("-"), PairFormat::kJsonl);
  EXPECT_EQ(pair_format_of("a.ndjson"), PairFormat::kJsonl);
  EXPECT_EQ(pair_format_of("a.tsv"), PairFormat::kTsv);
  EXPECT_THROW(pair_format_of("a.txt"), UsageError);
}

}  // namespace
}  // namespace rerank::cli
