#include "base/processor_quota.h"

#include <algorithm>
#include <fstream>
#include <string>

namespace rerank {
namespace {

namespace fs = std::filesystem;

// Both in microseconds; 0 where there is no quota.
double processors(double quota, double period) {
  return quota > 0 && period > 0 ? quota / period : 0;
}

double read_number(const fs::path& file) {
  std::ifstream stream(file);
  double number = 0;
  return stream >> number ? number : 0;
}

// Of one group; "max" is not a number and leaves the quota at 0.
double quota_of(const fs::path& group, bool is_version_2) {
  if (!is_version_2) {
    return processors(read_number(group / "cpu.cfs_quota_us"), read_number(group / "cpu.cfs_period_us"));
  }
  std::ifstream stream(group / "cpu.max");
  double quota = 0, period = 0;
  return stream >> quota >> period ? processors(quota, period) : 0;
}

double smaller(double a, double b) {
  return a == 0 ? b : b == 0 ? a : std::min(a, b);
}

// Of `group`, a path from the mount's top, and all that hold it. In a container the path may be the host's,
// which is not there; then the top is the container's own group.
double least_quota(const fs::path& mount, fs::path group, bool is_version_2) {
  double least = quota_of(mount, is_version_2);
  for (; group.has_relative_path(); group = group.parent_path()) {
    least = smaller(least, quota_of(mount / group.relative_path(), is_version_2));
  }
  return least;
}

}  // namespace

double processor_quota(const fs::path& root) {
  std::ifstream groups(root / "proc/self/cgroup");
  double least = 0;
  // Lines "0::/path" of version 2 and "4:cpu,cpuacct:/path" of version 1.
  for (std::string line; std::getline(groups, line);) {
    const std::size_t first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const fs::path group = line.substr(second + 1), mount = root / "sys/fs/cgroup";
    if (controllers == ",,") {
      least = smaller(least, least_quota(mount, group, true));
    } else if (controllers.find(",cpu,") != std::string::npos) {
      least = smaller(least, least_quota(mount / "cpu", group, false));
    }
  }
  return least;
}

}  // namespace rerank
