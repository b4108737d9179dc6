#include "server/http/http_front.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <exception>
#include <future>
#include <thread>
#include <unordered_set>
#include <utility>
#include <vector>

#include "base/log.h"
#include "base/thread_pool.h"
#include "rerank/error.h"
#include "server/http/listening_socket.h"
#include "server/http/session.h"
#include "server/http/tls.h"

namespace rerank {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr std::chrono::milliseconds kAcceptRetry{100};  // after a failure such as too many open files
constexpr std::chrono::milliseconds kIdlePoll{5};
constexpr std::int64_t kMaxTurnedAway = 256;  // connections over the limit that still get a 503

// One thread and its connections.
struct EventLoop {
  asio::io_context io{1};
  asio::executor_work_guard<asio::io_context::executor_type> guard{io.get_executor()};
  std::unordered_set<Session*> sessions;  // used on this loop's thread only
  std::thread thread;
};

// Sessions catch their own exceptions, so this one is from between sessions, such as std::bad_alloc: the
// operation is lost, and its session ends at its timeout.
void run(asio::io_context& io) {
  for (;;) {
    try {
      io.run();
      return;
    } catch (const std::exception& error) {
      log::error("lost a network event: {}", error.what());
    }
  }
}

int num_loops(int asked) {
  if (asked > 0) return asked;
  return ThreadPool::available_processors() >= 8 ? 2 : 1;
}

}  // namespace

class HttpFront::Impl {
 public:
  Impl(const ListenOptions& options, HttpHandler& handler, FrontCounters& counters, MemoryBudget& budget)
      : options_(options), context_{options_, handler, counters, budget, {}, {}} {
    if (!options_.tls_certificate_file.empty() || !options_.tls_key_file.empty()) {
      tls_ = std::make_unique<TlsContext>(options_);
    }
    for (int index = 0; index < num_loops(options_.num_threads); ++index) {
      loops_.push_back(std::make_unique<EventLoop>());
    }
    listener_ = std::make_unique<ListeningSocket>(loops_.front()->io, options_);
    retry_timer_ = std::make_unique<asio::steady_timer>(loops_.front()->io);
  }

  ~Impl() {
    if (!started_) return;
    for (auto& loop : loops_) {
      EventLoop* const raw = loop.get();
      asio::post(raw->io, [this, raw] {
        if (raw == loops_.front().get()) close_listener();
        const std::vector<Session*> open(raw->sessions.begin(), raw->sessions.end());
        for (Session* session : open) session->close();
        raw->guard.reset();
      });
    }
    for (auto& loop : loops_) loop->thread.join();
  }

  void start() {
    started_ = true;
    asio::post(loops_.front()->io, [this] { accept(); });
    for (auto& loop : loops_) {
      loop->thread = std::thread([raw = loop.get()] { run(raw->io); });
    }
  }

  void begin_drain() {
    context_.draining = true;
    std::promise<void> closed;
    asio::post(loops_.front()->io, [this, &closed] {
      close_listener();
      closed.set_value();
    });
    closed.get_future().wait();
  }

  bool wait_until_idle(std::chrono::milliseconds timeout) const {
    const auto deadline = std::chrono::steady_clock::now() + timeout;
    while (context_.counters.num_busy > 0) {
      if (std::chrono::steady_clock::now() >= deadline) return false;
      std::this_thread::sleep_for(kIdlePoll);
    }
    return true;
  }

  const ListeningSocket& listener() const { return *listener_; }

 private:
  // The following run on the first loop's thread.
  void accept() {
    if (closing_) return;
    EventLoop& loop = *loops_[next_loop_];
    listener_->accept(
        loop.io, [this, &loop](const error_code& error, Transport::Socket socket, const std::string& peer) {
          if (closing_) return;
          if (error) return retry_later(error.message());
          try {
            next_loop_ = (next_loop_ + 1) % loops_.size();
            welcome(loop, std::move(socket), peer);
            accept();
          } catch (const std::exception& failure) {
            retry_later(failure.what());
          }
        });
  }

  void retry_later(const std::string& reason) {
    log::warn("cannot accept a connection: {}", reason);
    retry_timer_->expires_after(kAcceptRetry);
    retry_timer_->async_wait([this](const error_code& cancelled) {
      if (!cancelled) accept();
    });
  }

  void welcome(EventLoop& loop, Transport::Socket socket, const std::string& peer) {
    FrontCounters& counters = context_.counters;
    const auto limit = static_cast<std::int64_t>(options_.max_connections);
    const bool full = counters.num_connections >= limit;
    if (full) ++counters.num_turned_away;
    if (counters.num_connections >= limit + kMaxTurnedAway) return;  // closed without a response
    auto transport = tls_ == nullptr ? make_plain_transport(std::move(socket))
                                     : make_tls_transport(std::move(socket), *tls_);
    auto session = std::make_shared<Session>(std::move(transport), context_, peer, [&](Session& ended) {
      loop.sessions.erase(&ended);
      --counters.num_connections;
    });
    ++counters.num_connections;
    asio::post(loop.io, [&loop, full, session = std::move(session)] {
      loop.sessions.insert(session.get());
      if (full) {
        session->turn_away(503, "the server has reached its maximum number of connections; try again soon");
      } else {
        session->start();
      }
    });
  }

  void close_listener() {
    closing_ = true;
    listener_->close();
    retry_timer_->cancel();
  }

  const ListenOptions options_;
  SessionContext context_;
  std::unique_ptr<TlsContext> tls_;
  std::vector<std::unique_ptr<EventLoop>> loops_;  // outlive the members below, which use them
  std::unique_ptr<ListeningSocket> listener_;
  std::unique_ptr<asio::steady_timer> retry_timer_;
  std::size_t next_loop_ = 0;
  bool closing_ = false;
  bool started_ = false;
};

HttpFront::HttpFront(const ListenOptions& options, HttpHandler& handler, FrontCounters& counters,
                     MemoryBudget& budget)
    : impl_(std::make_unique<Impl>(options, handler, counters, budget)) {}

HttpFront::~HttpFront() = default;

void HttpFront::start() {
  impl_->start();
}

void HttpFront::begin_drain() {
  impl_->begin_drain();
}

bool HttpFront::wait_until_idle(std::chrono::milliseconds timeout) {
  return impl_->wait_until_idle(timeout);
}

const std::string& HttpFront::address() const {
  return impl_->listener().address();
}

int HttpFront::port() const {
  return impl_->listener().port();
}

}  // namespace rerank
