// How many threads this process should use (threads.h): affinity, then the control group's quota.
// Threads beyond the quota are throttled together, which stops a whole team at a barrier.
#include <sched.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>

#include "core/host/threads.h"

namespace weft::host {

static std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

int cpus_of_quota(std::string_view cpu_max) {
  int64_t quota = 0, period = 0;
  const char* end = cpu_max.data() + cpu_max.size();
  const auto first = std::from_chars(cpu_max.data(), end, quota);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ' ') return 0;
  const auto second = std::from_chars(first.ptr + 1, end, period);
  if (second.ec != std::errc() || quota <= 0 || period <= 0) return 0;
  return int(std::clamp<int64_t>(quota / period, 1, 1 << 16));
}

// The tightest quota of this process's group and the groups it lies in (version 2), or of the
// mounted root as a container sees it (version 1). 0 = none.
static int quota_cpus() {
  int tightest = 0;
  const auto consider = [&](int cpus) {
    if (cpus > 0 && (tightest == 0 || cpus < tightest)) tightest = cpus;
  };
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    if (line.rfind("0::/", 0) != 0) continue;
    std::string group = line.substr(3);
    for (;;) {
      consider(cpus_of_quota(first_line("/sys/fs/cgroup" + group + "/cpu.max")));
      if (group.empty()) break;
      group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
    }
  }
  for (const char* folder : {"/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"})
    consider(cpus_of_quota(first_line(std::string(folder) + "/cpu.cfs_quota_us") + " " +
                           first_line(std::string(folder) + "/cpu.cfs_period_us")));
  return tightest;
}

int default_thread_count() {
  int allowed = int(std::thread::hardware_concurrency());
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0) allowed = CPU_COUNT(&set);
  const int quota = quota_cpus();
  if (quota > 0) allowed = std::min(allowed, quota);
  return std::max(allowed, 1);
}

}  // namespace weft::host
