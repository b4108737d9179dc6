#include "apps/rerank/output/bench_text.h"

#include <gtest/gtest.h>

namespace rerank::cli {
namespace {

TEST(BenchText, NumbersHaveThreeDigitsThatCount) {
  EXPECT_EQ(short_number(0), "0.00");
  EXPECT_EQ(short_number(0.012345), "0.0123");
  EXPECT_EQ(short_number(1.234), "1.23");
  EXPECT_EQ(short_number(9.996), "10.0");
  EXPECT_EQ(short_number(99.96), "100");
  EXPECT_EQ(short_number(12345.4), "12345");
  EXPECT_EQ(short_number(-12.34), "-12.3");
}

TEST(BenchText, ATableIsAlignedOrMarkdown) {
  const TextTable text({"load", "n"}, {6, 3}, false);
  EXPECT_EQ(text.header(), "load      n\n");
  EXPECT_EQ(text.row({"c=1", "12"}), "c=1      12\n");
  const TextTable markdown({"load", "n"}, {4, 1}, true);
  EXPECT_EQ(markdown.header(), "| load | n |\n|---|---:|\n");
  EXPECT_EQ(markdown.row({"c=1", "12"}), "| c=1  | 12 |\n");
}

}  // namespace
}  // namespace rerank::cli
