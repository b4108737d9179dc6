#include "base/processor_quota.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <string>

namespace rerank {
namespace {

namespace fs = std::filesystem;

// A tree of files as the kernel shows them.
class ProcessorQuotaTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string name = (fs::temp_directory_path() / "quota-XXXXXX").string();
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    root_ = name;
  }
  void TearDown() override { fs::remove_all(root_); }

  void write(const fs::path& file, const std::string& text) const {
    fs::create_directories((root_ / file).parent_path());
    std::ofstream(root_ / file) << text << "\n";
  }

  fs::path root_;
};

TEST_F(ProcessorQuotaTest, IsNoneWhereNoneIsSet) {
  EXPECT_EQ(processor_quota(root_), 0);
  write("proc/self/cgroup", "0::/a\nnonsense\n:");
  EXPECT_EQ(processor_quota(root_), 0);
  write("sys/fs/cgroup/a/cpu.max", "max 100000");
  EXPECT_EQ(processor_quota(root_), 0);
}

TEST_F(ProcessorQuotaTest, IsTheLeastOfAllThatHoldTheProcess) {
  write("proc/self/cgroup", "0::/a/b");
  write("sys/fs/cgroup/a/b/cpu.max", "400000 100000");
  EXPECT_EQ(processor_quota(root_), 4);
  write("sys/fs/cgroup/a/cpu.max", "150000 100000");
  EXPECT_EQ(processor_quota(root_), 1.5);
  write("sys/fs/cgroup/cpu.max", "50000 100000");
  EXPECT_EQ(processor_quota(root_), 0.5);
}

// A container sees its own group as the top, whatever its path is outside.
TEST_F(ProcessorQuotaTest, IsThatOfTheTopWhereThePathIsTheHosts) {
  write("proc/self/cgroup", "0::/../host/container");
  write("sys/fs/cgroup/cpu.max", "200000 100000");
  EXPECT_EQ(processor_quota(root_), 2);
}

TEST_F(ProcessorQuotaTest, KnowsVersion1) {
  write("proc/self/cgroup", "5:memory:/a\n4:cpu,cpuacct:/a\n0::/");
  write("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "-1");
  write("sys/fs/cgroup/cpu/a/cpu.cfs_period_us", "100000");
  EXPECT_EQ(processor_quota(root_), 0);
  write("sys/fs/cgroup/cpu/a/cpu.cfs_quota_us", "300000");
  EXPECT_EQ(processor_quota(root_), 3);
}

}  // namespace
}  // namespace rerank
