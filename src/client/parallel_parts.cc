#include "client/parallel_parts.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace rerank::client {

void run_parts(std::size_t num_parts, std::size_t max_threads, const std::stop_token& stop,
               const std::function<void(std::size_t part, const std::stop_token&)>& work) {
  if (num_parts == 1) {
    work(0, stop);
    return;
  }
  std::stop_source any_stop;
  const std::stop_callback pass_on(stop, [&any_stop] { any_stop.request_stop(); });
  std::atomic<std::size_t> next_part = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto run = [&] {
    for (;;) {
      const std::size_t part = next_part++;
      if (part >= num_parts) return;
      try {
        work(part, any_stop.get_token());
      } catch (...) {
        next_part = num_parts;
        const std::lock_guard lock(mutex);
        if (!failure) failure = std::current_exception();
        any_stop.request_stop();
        return;
      }
    }
  };
  {
    std::vector<std::jthread> threads;
    const std::size_t num_threads = std::min(num_parts, max_threads);
    try {
      while (threads.size() + 1 < num_threads) threads.emplace_back(run);
    } catch (const std::system_error&) {
      // No more threads available: continue with those that started.
    }
    run();
  }
  if (failure) std::rethrow_exception(failure);
}

}  // namespace rerank::client
