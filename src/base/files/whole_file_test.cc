#include "base/files/whole_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/error_of.h"

namespace rerank {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(WholeFile, IsReadToItsEnd) {
  const std::string path = testing::TempDir() + "rerank_whole_file";
  for (const std::size_t size : {0U, 1U, 65'536U, 200'000U}) {
    const std::string text(size, 'x');
    std::ofstream(path, std::ios::binary) << text;
    EXPECT_EQ(read_whole_file(path), text);
    EXPECT_EQ(read_whole_file(path, size), text);
    if (size > 0) {
      EXPECT_THAT(error_of([&] { (void)read_whole_file(path, size - 1); }),
                  HasSubstr("is larger than the limit"));
    }
  }
  std::filesystem::remove(path);
}

TEST(WholeFile, SaysWhatCannotBeRead) {
  EXPECT_THAT(error_of([] { (void)read_whole_file("/nonexistent"); }),
              StartsWith("cannot read /nonexistent: No such file"));
  EXPECT_THAT(error_of([] { (void)read_whole_file("/tmp"); }),
              StartsWith("cannot read /tmp: Is a directory"));
  EXPECT_THAT(error_of([] { (void)read_whole_file("/dev/zero", 100'000); }),
              HasSubstr("is larger than the limit"));
}

}  // namespace
}  // namespace rerank
