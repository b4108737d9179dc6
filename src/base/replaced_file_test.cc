#include "base/replaced_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

namespace rerank {
namespace {

namespace fs = std::filesystem;
using testing::UnorderedElementsAre;

class ReplacedFileTest : public testing::Test {
 protected:
  ReplacedFileTest() {
    std::string name = (fs::temp_directory_path() / "rerank-replaced-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~ReplacedFileTest() override {
    std::error_code ignored;
    fs::remove_all(directory_, ignored);
  }
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : fs::directory_iterator(directory_)) found.push_back(entry.path().filename());
    return found;
  }
  static std::string content(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  fs::path directory_;
};

TEST_F(ReplacedFileTest, MakesTheDirectoryAndLeavesNothingElse) {
  const fs::path path = directory_ / "a" / "b";
  EXPECT_TRUE(replace_file(path, "one"));
  EXPECT_TRUE(replace_file(path, "two"));
  EXPECT_EQ(content(path), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_ / "a"), fs::directory_iterator()), 1);
}

TEST_F(ReplacedFileTest, SaysWhenItCannot) {
  std::ofstream(directory_ / "file") << "x";
  EXPECT_FALSE(replace_file(directory_ / "file" / "below", "text"));
  fs::create_directory(directory_ / "taken");
  EXPECT_FALSE(replace_file(directory_ / "taken", "text"));
  EXPECT_THAT(names(), UnorderedElementsAre("file", "taken"));
}

TEST_F(ReplacedFileTest, RemovesWhatKilledWritersLeftAndNothingElse) {
  const auto make = [&](const char* name, std::chrono::minutes age) {
    std::ofstream(directory_ / name) << "x";
    fs::last_write_time(directory_ / name, fs::file_time_type::clock::now() - age);
  };
  using std::chrono::minutes;
  make("weights.4711", minutes(61));  // as earlier versions named them, by the number of a thread
  make("weights.00ff00ff00ff00ff", minutes(61));
  make("weights.1111111111111111", minutes(59));
  make("weights", minutes(600));
  make("weights2.4711", minutes(600));
  remove_leftovers(directory_ / "weights");
  EXPECT_THAT(names(), UnorderedElementsAre("weights", "weights2.4711", "weights.1111111111111111"));
}

TEST_F(ReplacedFileTest, NamesBesideAreNeverTheSame) {
  EXPECT_NE(name_beside("/a/b"), name_beside("/a/b"));
  EXPECT_EQ(name_beside("/a/b").parent_path(), "/a");
}

}  // namespace
}  // namespace rerank
