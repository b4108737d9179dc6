// How much processor time a container leaves to this process, as Linux's control groups say it. Which
// processors it may run on is another matter: sched_getaffinity.
#pragma once

#include <filesystem>

namespace rerank {

// Processors' worth of time, of the least of the quotas of this process's control group and of those that
// hold it; 0: none is set, or none can be read. `root` replaces "/". See cgroups(7): cpu.max of version 2,
// cpu.cfs_quota_us and cpu.cfs_period_us of version 1.
double processor_quota(const std::filesystem::path& root = "/");

}  // namespace rerank
