#include "apps/rerank/input/line_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "checkpoint/scratch_directory.h"
#include "tests/support/error_of.h"

namespace rerank::cli {
namespace {

std::vector<std::string> lines_of(const std::string& bytes) {
  const ScratchDirectory folder;
  LineReader reader(folder.write("lines", bytes));
  std::vector<std::string> lines;
  std::string_view line;
  while (reader.next(line)) lines.emplace_back(line);
  return lines;
}

TEST(LineReader, LinesOfEveryKindOfFile) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(lines_of(""), Lines{});
  EXPECT_EQ(lines_of("\n"), Lines{""});
  EXPECT_EQ(lines_of("a\nb"), (Lines{"a", "b"})) << "the last line may have no end";
  EXPECT_EQ(lines_of("a\r\nb\r\n"), (Lines{"a", "b"}));
  EXPECT_EQ(lines_of("\xEF\xBB\xBF"
                     "a\n"),
            Lines{"a"})
      << "a byte order mark is not text";
}

TEST(LineReader, LinesThatCrossItsBlocks) {
  std::string bytes;
  std::vector<std::string> wanted;
  for (int length = 0; length < 1000; length += 7) {
    wanted.emplace_back(static_cast<std::size_t>(length * 9), 'x');
    bytes += wanted.back() + "\n";
  }
  ASSERT_GT(bytes.size(), std::size_t{512} << 10);
  EXPECT_EQ(lines_of(bytes), wanted);
}

TEST(LineReader, BytesThatAreNotUtf8AreNamedByFileLineAndByte) {
  const ScratchDirectory folder;
  const std::string path = folder.write("lines", "fine\nabc\xFF\n");
  const std::string error = error_of([&] {
    LineReader reader(path);
    std::string_view line;
    while (reader.next(line)) {
    }
  });
  EXPECT_NE(error.find(path + ":2: byte 4"), std::string::npos) << error;
}

TEST(LineReader, KnowsHowFarItIs) {
  const ScratchDirectory folder;
  LineReader reader(folder.write("lines", "abc\nabc\nabc\nabc\n"));
  std::string_view line;
  ASSERT_TRUE(reader.next(line));
  EXPECT_DOUBLE_EQ(reader.fraction_read(), 0.25);
  EXPECT_EQ(reader.line_number(), 1);
}

}  // namespace
}  // namespace rerank::cli
