// Mapped files: the bytes, every refusal, moves, and pages that are let go.
#include "base/files/mapped_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "rerank/error.h"

namespace rerank {
namespace {

using testing::HasSubstr;

class MappedFileTest : public testing::Test {
 protected:
  ~MappedFileTest() override { std::filesystem::remove(path_); }

  void write(const std::string& bytes) const { std::ofstream(path_, std::ios::binary) << bytes; }

  // The Error's code and message; a failure when there is none.
  static Error refusal(const std::filesystem::path& path) {
    try {
      const MappedFile file(path);
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << path << " was mapped";
    return {ErrorCode::kInternal, ""};
  }

  const std::filesystem::path path_ =
      std::filesystem::temp_directory_path() / ("rerank-mapped-file-" + std::to_string(::getpid()));
};

std::string text_of(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST_F(MappedFileTest, HoldsTheBytes) {
  write(std::string("a\0b", 3));
  const MappedFile file(path_);
  EXPECT_EQ(text_of(file), std::string("a\0b", 3));
  EXPECT_EQ(file.path(), path_);
}

TEST_F(MappedFileTest, RefusesWhatIsNoFile) {
  const Error missing = refusal(path_);
  EXPECT_EQ(missing.code(), ErrorCode::kNotFound);
  EXPECT_THAT(missing.what(), HasSubstr(path_.string()));
  const Error directory = refusal(std::filesystem::temp_directory_path());
  EXPECT_EQ(directory.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(directory.what(), HasSubstr("not a regular file"));
  write("");
  const Error empty = refusal(path_);
  EXPECT_EQ(empty.code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(empty.what(), HasSubstr("is empty"));
}

TEST_F(MappedFileTest, Moves) {
  write("first");
  MappedFile file(path_);
  const std::byte* data = file.bytes().data();
  MappedFile other(std::move(file));
  EXPECT_EQ(other.bytes().data(), data);
  MappedFile third;
  third = std::move(other);
  EXPECT_EQ(text_of(third), "first");
}

TEST_F(MappedFileTest, ReleasedPagesComeBack) {
  std::string bytes(5 * 4096 + 100, ' ');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i % 251);
  write(bytes);
  const MappedFile file(path_);
  EXPECT_EQ(text_of(file), bytes);
  file.release_pages();
  EXPECT_EQ(text_of(file), bytes);
  file.release_pages(100, 9000);
  file.release_pages(bytes.size(), 0);
  EXPECT_EQ(text_of(file), bytes);
  EXPECT_THROW(file.release_pages(0, bytes.size() + 1), Error);
  EXPECT_THROW(file.release_pages(bytes.size() + 1, 0), Error);
  MappedFile().release_pages();
}

// What is mapped stays, as long as the file is replaced by renaming.
TEST_F(MappedFileTest, OutlivesItsName) {
  write("old");
  const MappedFile file(path_);
  std::filesystem::remove(path_);
  write("new bytes");
  EXPECT_EQ(text_of(file), "old");
}

}  // namespace
}  // namespace rerank
