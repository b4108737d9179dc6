// Every byte matters and nothing else does, and the record is used only while the file is unchanged.
#include "checkpoint/content_identity.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>

#include "checkpoint/content_hash.h"
#include "checkpoint/scratch_directory.h"

namespace rerank {
namespace {

namespace fs = std::filesystem;
using testing::IsEmpty;
using testing::SizeIs;
using namespace std::chrono_literals;

class ContentIdentityTest : public testing::Test {
 protected:
  ContentIdentityTest() { write('a'); }

  // A file with 3 MB of data whose middle byte is `middle`; mtime is always the same.
  void write(char middle) {
    const std::size_t size_bytes = 3'000'000;
    std::string bytes = safetensors_bytes(
        R"({"t": {"dtype": "F32", "shape": [750000], "data_offsets": [0, 3000000]}})", size_bytes);
    bytes[bytes.size() - size_bytes / 2] = middle;
    file_ = files_.write("model.safetensors", bytes);
    if (time_ == fs::file_time_type{}) time_ = fs::last_write_time(file_) - 1h;
    fs::last_write_time(file_, time_);
  }
  std::string identity(std::chrono::milliseconds settling = 0ms) const {
    const SafetensorsFile file(file_);
    const SafetensorsFile* const files[] = {&file};
    return content_identity(files, records_.path().string(), settling);
  }
  fs::path record() const { return records_.path() / records_.names().at(0); }
  // Replaces the identity in the record.
  std::string forge() const {
    std::string text = records_.read(record().filename());
    text.replace(text.size() - 17, 16, "0123456789abcdef");
    records_.write(record().filename(), text);
    return "0123456789abcdef";
  }

  ScratchDirectory files_;
  ScratchDirectory records_;
  fs::path file_;
  fs::file_time_type time_{};
};

TEST_F(ContentIdentityTest, ChangesWithAWeightWhereSizeAndTimeDoNot) {
  const std::string before = identity();
  write('b');
  EXPECT_NE(identity(), before);
  write('a');
  EXPECT_EQ(identity(), before);
}

TEST_F(ContentIdentityTest, IsNotReadAgainWhileNobodyTouchesIt) {
  identity();
  const std::string forged = forge();
  EXPECT_EQ(identity(), forged);
  write('a');  // ctime differs
  EXPECT_NE(identity(), forged);
  EXPECT_THAT(records_.names(), SizeIs(1));
}

TEST_F(ContentIdentityTest, KeepsNoRecordOfWhatWasChangedAMomentAgo) {
  identity(1h);
  EXPECT_THAT(records_.names(), IsEmpty());
}

TEST_F(ContentIdentityTest, ReadsWhereTheRecordIsDamaged) {
  const std::string right = identity();
  const std::string text = records_.read(record().filename());
  const fs::path name = record().filename();
  for (const std::string& damaged : {std::string(), text.substr(0, text.size() / 2), text + "\n",
                                     "x" + text.substr(1), text.substr(0, text.size() - 2) + "g\n"}) {
    records_.write(name, damaged);
    EXPECT_EQ(identity(), right) << damaged;
  }
  fs::remove(record());
  fs::create_directory(records_.path() / name);
  EXPECT_EQ(identity(), right);
}

// Flipping any bit of a block, or swapping any two words, changes its hash.
TEST(HashBlock, ChangesWithEveryBitAndWithTheOrder) {
  std::string block(100, '\0');
  for (std::size_t i = 0; i < block.size(); ++i) block[i] = static_cast<char>(i * 7);
  const auto hash = [](const std::string& text) { return hash_block(std::as_bytes(std::span(text))); };
  const std::uint64_t before = hash(block);
  EXPECT_NE(hash(std::string(31, '\0')), hash(std::string(32, '\0')));
  EXPECT_NE(hash(std::string(32, '\0')), hash(std::string(33, '\0')));
  EXPECT_NE(hash(""), hash(std::string(1, '\0')));
  for (std::size_t bit = 0; bit < block.size() * 8; ++bit) {
    std::string other = block;
    other[bit / 8] = static_cast<char>(other[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_NE(hash(other), before) << bit;
  }
  for (std::size_t word = 8; word + 8 <= block.size(); word += 8) {
    std::string other = block;
    std::swap_ranges(other.begin(), other.begin() + 8, other.begin() + static_cast<std::ptrdiff_t>(word));
    EXPECT_NE(hash(other), before) << word;
  }
}

}  // namespace
}  // namespace rerank
