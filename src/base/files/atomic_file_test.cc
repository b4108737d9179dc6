#include "base/files/atomic_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/error_of.h"

namespace rerank {
namespace {

namespace fs = std::filesystem;
using testing::StartsWith;
using testing::UnorderedElementsAre;

class AtomicFileTest : public testing::Test {
 protected:
  AtomicFileTest() {
    std::string name = (fs::temp_directory_path() / "rerank-atomic-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~AtomicFileTest() override {
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

TEST_F(AtomicFileTest, AppearsWhenItIsCommitted) {
  const fs::path path = directory_ / "file";
  std::ofstream(path) << "old";
  {
    AtomicFile file(path, {.size_bytes = 3});
    file.write(1, "ew");
    file.write(0, "n");
    EXPECT_EQ(content(path), "old");
    file.commit(Durability::kFlushed);
  }
  EXPECT_EQ(content(path), "new");
  EXPECT_THAT(names(), UnorderedElementsAre("file"));
}

TEST_F(AtomicFileTest, LeavesNothingWhenItIsDropped) {
  AtomicFile(directory_ / "file").write(0, "text");
  EXPECT_THAT(names(), UnorderedElementsAre());
}

TEST_F(AtomicFileTest, SaysWhatItCouldNotWrite) {
  fs::create_directory(directory_ / "taken");
  for (const char* name : {"taken", "missing/file"}) {
    const std::string path = directory_ / name;
    EXPECT_THAT(error_of([&] { write_whole_file(path, "x"); }), StartsWith("cannot write " + path + ": "))
        << name;
  }
  EXPECT_THAT(names(), UnorderedElementsAre("taken"));
}

TEST_F(AtomicFileTest, HasThePermissionsItWasGiven) {
  AtomicFile file(directory_ / "file", {.mode = 0600});
  file.commit(Durability::kCached);
  EXPECT_EQ(fs::status(directory_ / "file").permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(AtomicFileTest, ADeviceIsWrittenStraight) {
  const fs::path link = directory_ / "null";
  fs::create_symlink("/dev/null", link);
  write_whole_file(link, "x");
  EXPECT_TRUE(fs::is_character_file(link));
  EXPECT_THAT(names(), UnorderedElementsAre("null"));
}

TEST_F(AtomicFileTest, PublishingRenames) {
  std::ofstream(directory_ / "partial") << "text";
  const int file = ::open((directory_ / "partial").c_str(), O_RDWR);
  ASSERT_GE(file, 0);
  EXPECT_TRUE(publish_file(file, directory_ / "partial", directory_ / "missing" / "file"));
  EXPECT_FALSE(publish_file(file, directory_ / "partial", directory_ / "file"));
  ::close(file);
  EXPECT_THAT(names(), UnorderedElementsAre("file"));
}

TEST_F(AtomicFileTest, ACacheFileGetsItsDirectory) {
  const fs::path path = directory_ / "a" / "b";
  EXPECT_TRUE(write_cache_file(path, "one"));
  EXPECT_TRUE(write_cache_file(path, "two"));
  EXPECT_EQ(content(path), "two");
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_ / "a"), fs::directory_iterator()), 1);
}

TEST_F(AtomicFileTest, ACacheFileThatCannotBeWrittenIsReported) {
  std::ofstream(directory_ / "file") << "x";
  EXPECT_FALSE(write_cache_file(directory_ / "file" / "below", "text"));
  fs::create_directory(directory_ / "taken");
  EXPECT_FALSE(write_cache_file(directory_ / "taken", "text"));
  EXPECT_THAT(names(), UnorderedElementsAre("file", "taken"));
}

TEST_F(AtomicFileTest, RemovesWhatKilledWritersLeftAndNothingElse) {
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

TEST_F(AtomicFileTest, NamesBesideAreNeverTheSame) {
  EXPECT_NE(name_beside("/a/b"), name_beside("/a/b"));
  EXPECT_EQ(name_beside("/a/b").parent_path(), "/a");
}

}  // namespace
}  // namespace rerank
