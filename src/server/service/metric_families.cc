#include "server/service/metric_families.h"

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <string>
#include <utility>

#include "api/served_model.h"
#include "base/log_event.h"
#include "rerank/version.h"

namespace rerank {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;

using Labels = std::vector<ClientMetric::Label>;

MetricFamily family(MetricType type, std::string name, std::string help, double value, Labels labels = {}) {
  MetricFamily result{std::move(name), std::move(help), type, {}};
  ClientMetric metric;
  metric.label = std::move(labels);
  if (type == MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  result.metric.push_back(std::move(metric));
  return result;
}

MetricFamily gauge(std::string name, std::string help, double value, Labels labels = {}) {
  return family(MetricType::Gauge, std::move(name), std::move(help), value, std::move(labels));
}

MetricFamily counter(std::string name, std::string help, double value, Labels labels = {}) {
  return family(MetricType::Counter, std::move(name), std::move(help), value, std::move(labels));
}

double ratio(std::int64_t part, double whole) {
  return whole > 0 ? std::clamp(static_cast<double>(part) / whole, 0.0, 1.0) : 0;
}

std::string start_time_field() {
  std::ifstream file("/proc/self/stat");
  std::string text((std::istreambuf_iterator<char>(file)), {});
  // The program name may contain any character, including spaces; the start time in clock ticks is 20 fields
  // after it.
  std::size_t at = text.rfind(')');
  for (int field = 0; field < 20 && at != std::string::npos; ++field) at = text.find(' ', at + 1);
  return at == std::string::npos ? "0" : text.substr(at + 1, text.find(' ', at + 1) - at - 1);
}

double boot_time() {
  std::ifstream file("/proc/stat");
  std::string word;
  double seconds = 0;
  while (file >> word) {
    if (word == "btime" && file >> seconds) break;
  }
  return seconds;
}

}  // namespace

std::vector<MetricFamily> service_families(const MetricsMoment& moment) {
  std::vector<MetricFamily> all;
  const Labels labels = {{"model_name", std::string(moment.model_name)}, {"engine", "0"}};
  all.push_back(gauge("rerank_ready", "1 while new requests are accepted.", moment.is_ready ? 1 : 0));
  all.push_back(gauge("rerank_queued_documents", "Documents queued or being scored.",
                      static_cast<double>(moment.num_queued_documents), labels));
  all.push_back(gauge("rerank_queued_tokens", "Their tokens, estimated from bytes.",
                      static_cast<double>(moment.num_queued_tokens), labels));
  all.push_back(gauge("rerank_tokens_per_second", "Recent throughput: computed tokens per busy second.",
                      moment.tokens_per_second, labels));
  all.push_back(gauge("rerank_http_buffered_bytes", "Memory of requests and replies.",
                      static_cast<double>(moment.buffered_bytes)));
  all.push_back(counter("rerank_log_dropped_lines_total",
                        "Log lines dropped because the reader was too slow.",
                        static_cast<double>(log::num_dropped_lines())));
  Labels build = {{"version", version()}};
  if (moment.info != nullptr) {
    build.push_back({"model", api::shown_model(moment.info->model)});
    build.push_back({"device", moment.info->device});
    build.push_back({"dtype", moment.info->dtype});
    build.push_back({"instruction_set", moment.info->instruction_set});
  }
  all.push_back(gauge("rerank_build_info", "Version and build.", 1, build));
  if (moment.info == nullptr) return all;

  const EngineInfo& info = *moment.info;
  const EngineStatistics& statistics = moment.statistics;
  const auto number = [](std::int64_t value) { return static_cast<double>(value); };
  Labels cache = labels;
  cache.push_back({"block_size", "1"});
  cache.push_back({"num_gpu_blocks", std::to_string(info.prefix_cache_capacity)});
  cache.push_back({"enable_prefix_caching", info.prefix_cache_tokens > 0 ? "True" : "False"});
  all.push_back(gauge("vllm:num_requests_running", "Requests with documents being scored.",
                      number(statistics.num_running - statistics.num_waiting), labels));
  all.push_back(gauge("vllm:num_requests_waiting", "Requests waiting to be scored.",
                      number(statistics.num_waiting), labels));
  all.push_back(gauge("vllm:kv_cache_usage_perc", "Share of the prefix cache in use, 0 to 1.",
                      ratio(statistics.prefix_cache_tokens_used, number(info.prefix_cache_capacity)),
                      labels));
  all.push_back(gauge("vllm:cache_config_info", "The prefix cache, in tokens.", 1, cache));
  all.push_back(counter("vllm:prompt_tokens_total", "Prompt tokens of all pairs, including shared prefixes.",
                        number(statistics.num_prompt_tokens), labels));
  all.push_back(counter("vllm:prefix_cache_queries_total", "Tokens looked up in the prefix cache.",
                        number(statistics.num_prompt_tokens), labels));
  all.push_back(counter("vllm:prefix_cache_hits_total",
                        "Tokens found in the prefix cache or shared within a batch.",
                        number(statistics.num_cached_tokens), labels));
  all.push_back(counter("rerank_computed_tokens_total", "Tokens computed by the model.",
                        number(statistics.num_computed_tokens), labels));
  all.push_back(counter("rerank_batches_total", "Forward passes of the model.",
                        number(statistics.num_batches), labels));
  all.push_back(counter("rerank_batch_compute_seconds_total", "Time spent in forward passes.",
                        std::chrono::duration<double>(statistics.compute).count(), labels));
  all.push_back(gauge("rerank_batch_fill_ratio", "Average share of the batch token budget in use.",
                      ratio(statistics.num_computed_tokens,
                            number(statistics.num_batches) * number(info.max_num_batched_tokens)),
                      labels));
  return all;
}

std::vector<MetricFamily> front_families(const FrontCounters& front) {
  const auto number = [](const std::atomic<std::int64_t>& value) {
    return static_cast<double>(value.load());
  };
  std::vector<MetricFamily> all;
  all.push_back(gauge("rerank_http_connections", "Open connections.", number(front.num_connections)));
  all.push_back(gauge("rerank_http_busy_connections", "Connections with a request in progress.",
                      number(front.num_busy)));
  all.push_back(counter("rerank_http_turned_away_total", "Connections rejected because of the limit.",
                        number(front.num_turned_away)));
  all.push_back(counter("rerank_http_received_bytes_total", "Bytes received.", number(front.received_bytes)));
  all.push_back(counter("rerank_http_sent_bytes_total", "Bytes sent.", number(front.sent_bytes)));
  return all;
}

std::vector<MetricFamily> process_families() {
  std::vector<MetricFamily> all;
  std::int64_t virtual_pages = 0;
  std::int64_t resident_pages = 0;
  std::ifstream("/proc/self/statm") >> virtual_pages >> resident_pages;
  const auto page_bytes = static_cast<double>(sysconf(_SC_PAGESIZE));
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  std::error_code error;
  std::int64_t num_open = 0;
  for (std::filesystem::directory_iterator entry("/proc/self/fd", error), end; !error && entry != end;
       entry.increment(error)) {
    ++num_open;
  }
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  static const double start =
      boot_time() + std::stod(start_time_field()) / static_cast<double>(sysconf(_SC_CLK_TCK));
  all.push_back(
      counter("process_cpu_seconds_total", "CPU time.", seconds(usage.ru_utime) + seconds(usage.ru_stime)));
  all.push_back(gauge("process_resident_memory_bytes", "Resident memory.",
                      static_cast<double>(resident_pages) * page_bytes));
  all.push_back(gauge("process_virtual_memory_bytes", "Virtual memory.",
                      static_cast<double>(virtual_pages) * page_bytes));
  all.push_back(gauge("process_open_fds", "Open file descriptors.", static_cast<double>(num_open)));
  all.push_back(
      gauge("process_max_fds", "Limit of open file descriptors.", static_cast<double>(limit.rlim_cur)));
  all.push_back(
      gauge("process_start_time_seconds", "Start time of the process, in seconds since 1970.", start));
  return all;
}

}  // namespace rerank
