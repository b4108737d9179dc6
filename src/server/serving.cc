#include "server/serving.h"

#include <fmt/format.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "base/log.h"
#include "server/http/http_front.h"
#include "server/service/scoring_engine.h"
#include "server/service/service.h"
#include "server/supervisor.h"

namespace rerank {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLook{50};            // interval of checks for a signal
constexpr milliseconds kCancelTime{10'000};  // for the engine to release cancelled requests
constexpr rlim_t kOwnDescriptors = 64;       // in addition to those of connections

// Every connection takes a descriptor; the usual soft limit is 1024.
void raise_descriptor_limit(ListenOptions& options) {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  const rlim_t wanted = options.max_connections + kOwnDescriptors;
  if (limit.rlim_cur < wanted) {
    limit.rlim_cur = std::min(wanted, limit.rlim_max);
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur < wanted) {
    options.max_connections =
        limit.rlim_cur > 2 * kOwnDescriptors ? limit.rlim_cur - kOwnDescriptors : kOwnDescriptors;
    log::warn("the limit of {} open files allows at most {} connections", limit.rlim_cur,
              options.max_connections);
  }
}

// Returns freed request memory to the system: large blocks at once, and few heaps, each of which would keep
// its peak. Otherwise the peaks of all heaps add up.
void return_memory_early() {
  constexpr int kMappedBytes = 128 << 10;  // blocks from this size are mapped, not on a heap
  constexpr int kHeaps = 2;
  mallopt(M_MMAP_THRESHOLD, kMappedBytes);
  mallopt(M_TRIM_THRESHOLD, 2 * kMappedBytes);
  mallopt(M_ARENA_MAX, kHeaps);
}

void warn_if_open(const ServingOptions& options) {
  const ListenOptions& listen = options.listen;
  const bool is_local = listen.host == "localhost" || listen.host == "::1" || listen.host.starts_with("127.");
  if (!options.service.api_keys.empty() || !listen.tls_ca_file.empty() || !listen.unix_socket.empty() ||
      is_local) {
    return;
  }
  log::warn(
      "no API key is set: anyone who can reach {} can use this server; set --api-key-file or $RERANK_API_KEY",
      listen.host);
}

// The line that vLLM prints, with our numbers.
class StatisticsLine {
 public:
  explicit StatisticsLine(std::chrono::seconds interval) : interval_(interval) {}

  void look(const Service& service) {
    const auto now = steady_clock::now();
    if (interval_.count() == 0 || now - last_time_ < interval_) return;
    const double seconds = std::chrono::duration<double>(now - last_time_).count();
    const MetricsMoment moment = service.moment();
    const EngineStatistics before = std::exchange(last_, moment.statistics);
    last_time_ = now;
    if (moment.info == nullptr) return;
    const EngineStatistics& after = moment.statistics;
    const auto num_tokens = static_cast<double>(after.num_prompt_tokens - before.num_prompt_tokens);
    const bool is_active = num_tokens > 0 || after.num_running > 0;
    // One more line shows that it is idle again.
    if (!is_active && !std::exchange(was_active_, false)) return;
    was_active_ = is_active;
    const auto num_hits = static_cast<double>(after.num_cached_tokens - before.num_cached_tokens);
    const double capacity = std::max(1, moment.info->prefix_cache_capacity);
    log::info(
        "Engine 000: Avg prompt throughput: {:.1f} tokens/s, Avg documents: {:.1f}/s, Running: {} reqs, "
        "Waiting: "
        "{} reqs, KV cache usage: {:.1f}%, Prefix cache hit rate: {:.1f}%",
        num_tokens / seconds, static_cast<double>(after.num_documents - before.num_documents) / seconds,
        after.num_running - after.num_waiting, after.num_waiting,
        100 * static_cast<double>(after.prefix_cache_tokens_used) / capacity,
        num_tokens > 0 ? 100 * num_hits / num_tokens : 0.0);
  }

 private:
  std::chrono::seconds interval_;
  steady_clock::time_point last_time_ = steady_clock::now();
  EngineStatistics last_;
  bool was_active_ = false;
};

class ServingProcess {
 public:
  ServingProcess(const ServingOptions& options, const std::function<bool()>& should_stop)
      : options_(options),
        should_stop_(should_stop),
        budget_(options.max_buffered_bytes),
        service_(options.service, options.engine.model, counters_, budget_),
        front_(std::in_place, options.listen, service_, counters_, budget_),
        statistics_(options.statistics_interval) {}

  void run() {
    front_->start();
    log::info("listening on {}; loading {}", front_->address(), options_.engine.model);
    warn_if_open(options_);
    load();
    supervisor_.tell("READY=1\nSTATUS=Ready.");
    log::info("ready on {}", front_->address());
    while (!should_stop_()) look();
    end();
  }

 private:
  void look() {
    std::this_thread::sleep_for(kLook);
    statistics_.look(service_);
    const auto interval = supervisor_.watchdog_interval();
    const auto now = steady_clock::now();
    if (interval && now - last_sign_of_life_ >= *interval - kLook && service_.is_alive()) {
      supervisor_.tell_alive();
      last_sign_of_life_ = now;
    }
  }

  void load() {
    const auto began = steady_clock::now();
    std::future<std::unique_ptr<ScoringEngine>> loading =
        std::async(std::launch::async, [this] { return load_scoring_engine(options_.engine); });
    while (loading.wait_for(milliseconds(0)) != std::future_status::ready) {
      if (should_stop_()) {
        // Loading cannot be interrupted, and leaves nothing behind.
        log::info("shutdown requested while loading");
        front_->begin_drain();
        _exit(0);
      }
      look();
    }
    std::unique_ptr<ScoringEngine> engine;
    try {
      engine = loading.get();
    } catch (...) {
      close_front();
      throw;
    }
    const EngineInfo& info = engine->info();
    log::info("{} loaded in {:.1f} s: {} on {}, {}, at most {} tokens a pair and {} a batch", info.model,
              std::chrono::duration<double>(steady_clock::now() - began).count(), info.architecture,
              info.device, info.dtype, info.max_model_len, info.max_num_batched_tokens);
    service_.begin_serving(std::move(engine), options_.engine.parse_special_tokens);
  }

  void end() {
    supervisor_.tell("STOPPING=1\nSTATUS=Finishing accepted requests.");
    service_.begin_leaving();
    const auto leave_until = steady_clock::now() + options_.shutdown_delay;
    while (steady_clock::now() < leave_until) look();
    service_.begin_drain();
    front_->begin_drain();
    log::info("shutting down: {} requests in progress", counters_.num_busy.load());
    const auto deadline = steady_clock::now() + options_.drain_timeout;
    look();  // requests that have arrived are read and answered with 503
    bool is_idle = front_->wait_until_idle(milliseconds(0));
    while (!is_idle && steady_clock::now() < deadline) {
      look();
      is_idle = front_->wait_until_idle(milliseconds(0));
    }
    if (!is_idle) log::warn("{} requests are not finished after --drain-timeout", counters_.num_busy.load());
    if (!service_.end_all(kCancelTime)) {
      log::error("the engine does not release its requests");
      _exit(1);
    }
    if (!is_idle) front_->wait_until_idle(kCancelTime / 10);  // for their replies
    close_front();
    log::info("ended");
    // The libraries of a failed or hanging device may block at exit.
    if (!service_.is_alive()) _exit(1);
  }

  // Later requests are not answered.
  void close_front() {
    front_->begin_drain();
    service_.begin_drain();
    service_.end_all(kCancelTime);
    front_.reset();
  }

  const ServingOptions& options_;
  const std::function<bool()>& should_stop_;
  FrontCounters counters_;
  MemoryBudget budget_;
  Service service_;
  std::optional<HttpFront> front_;
  Supervisor supervisor_;
  StatisticsLine statistics_;
  steady_clock::time_point last_sign_of_life_ = steady_clock::now();
};

}  // namespace

void serve(const ServingOptions& options, const std::function<bool()>& should_stop) {
  return_memory_early();
  ServingOptions possible = options;
  raise_descriptor_limit(possible.listen);
  ServingProcess(possible, should_stop).run();
}

}  // namespace rerank
