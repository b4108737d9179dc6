#include "load/report/bench_result.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cmath>
#include <fstream>

namespace rerank::load {
namespace {

std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) return line.substr(colon + 2);
  }
  return "unknown";
}

std::string plural(std::int64_t count, const char* noun) {
  return fmt::format("{} {}{}", count, noun, count == 1 ? "" : "s");
}

}  // namespace

std::string load_text(const LoadPlan& plan) {
  if (!plan.rate) return fmt::format("{} concurrent", plan.concurrency);
  std::string text = std::isinf(*plan.rate) ? "all at once" : fmt::format("{:g}/s", *plan.rate);
  if (plan.concurrency > 0) text += fmt::format(", at most {} concurrent", plan.concurrency);
  return text;
}

std::string shape_text(const Point& point) {
  if (point.docs_per_request == 0) return "";
  std::string text = plural(point.docs_per_request, "document");
  if (point.document_words > 0) text += " of " + plural(point.document_words, "word");
  return text;
}

std::string point_key(const Point& point) {
  const std::string load = load_text(point.plan);
  const std::string burst = point.plan.rate ? fmt::format(" burstiness {:g}", point.plan.burstiness) : "";
  return fmt::format("{}, {} query words, {}, {}{}", point.dataset, point.query_words, shape_text(point),
                     load, burst);
}

Facts this_machine() {
  utsname system = {};
  uname(&system);
  cpu_set_t cores;
  CPU_ZERO(&cores);
  sched_getaffinity(0, sizeof(cores), &cores);
  const double memory_bytes =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  return {{"processor", processor_name()},
          {"cores", std::to_string(CPU_COUNT(&cores))},
          {"memory", fmt::format("{:.1f} GiB", memory_bytes / 1073741824.0)},
          {"system", fmt::format("{} {} {}", system.sysname, system.release, system.machine)}};
}

}  // namespace rerank::load
