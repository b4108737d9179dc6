#include "load/http/http_target.h"

#include <fmt/format.h>

#include <atomic>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <thread>

#include "load/http/http_connection.h"
#include "rerank/error.h"
#include "rerank/version.h"

namespace rerank::load {
namespace {

namespace asio = boost::asio;

// How often timeouts are checked.
constexpr std::chrono::milliseconds kSweepEvery{100};

// A thread and its connections.
class Lane final : private HttpConnection::Owner {
 public:
  explicit Lane(const HttpRoute& route)
      : route_(route), context_(1), work_(context_.get_executor()), sweep_timer_(context_) {
    schedule_sweep();
    thread_ = std::thread([this] {
      current = this;
      context_.run();
    });
  }
  ~Lane() {
    asio::post(context_, [this] {
      abort_all();
      context_.stop();
    });
    thread_.join();
  }
  Lane(const Lane&) = delete;
  Lane& operator=(const Lane&) = delete;

  void send(const Job& job, Target::Done done) {
    asio::dispatch(context_, [this, &job, done = std::move(done)]() mutable {
      if (free_.empty()) {
        HttpConnection::Owner& owner = *this;
        connections_.push_back(std::make_unique<HttpConnection>(context_, route_, owner));
        free_.push_back(connections_.back().get());
      }
      HttpConnection* connection = free_.back();
      free_.pop_back();
      connection->send(job, std::move(done));
    });
  }
  void abort() {
    asio::post(context_, [this] { abort_all(); });
  }
  bool serves(const HttpRoute& route) const { return &route_ == &route; }

  static thread_local Lane* current;  // of the calling thread; null: not a thread of a lane

 private:
  void on_free(HttpConnection& connection) override { free_.push_back(&connection); }
  void on_retired(std::unique_ptr<Stream> stream) override { retired_.push_back(std::move(stream)); }

  void abort_all() {
    // Not by iterator: a `done` may send again.
    for (std::size_t index = 0; index < connections_.size(); ++index) connections_[index]->abort();
  }
  void schedule_sweep() {
    sweep_timer_.expires_after(kSweepEvery);
    sweep_timer_.async_wait([this](const error_code& error) {
      if (error) return;
      std::erase_if(retired_, [](const std::unique_ptr<Stream>& stream) { return stream->is_idle(); });
      const Clock::time_point now = Clock::now();
      for (std::size_t index = 0; index < connections_.size(); ++index)
        connections_[index]->check_deadline(now);
      schedule_sweep();
    });
  }

  const HttpRoute& route_;
  asio::io_context context_;
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  asio::steady_timer sweep_timer_;
  std::vector<std::unique_ptr<HttpConnection>> connections_;
  std::vector<HttpConnection*> free_;             // the most recently used one last
  std::vector<std::unique_ptr<Stream>> retired_;  // until their operations have completed
  std::thread thread_;
};

thread_local Lane* Lane::current = nullptr;

Endpoints endpoints_of(const ServerAddress& address) {
  if (!address.unix_socket.empty()) {
    try {
      return {asio::local::stream_protocol::endpoint(address.unix_socket)};
    } catch (const boost::system::system_error&) {
      throw Error(
          ErrorCode::kInvalidArgument,
          fmt::format("the socket path {} is too long; the maximum is 107 bytes", address.unix_socket));
    }
  }
  asio::io_context context;
  asio::ip::tcp::resolver resolver(context);
  error_code error;
  Endpoints endpoints;
  for (const auto& entry : resolver.resolve(address.url.host, std::to_string(address.url.port), error)) {
    endpoints.emplace_back(entry.endpoint());
  }
  if (error || endpoints.empty()) {
    throw Error(ErrorCode::kNotFound,
                fmt::format("unknown host {}: {}; check the server URL", address.url.host, error.message()));
  }
  return endpoints;
}

std::unique_ptr<asio::ssl::context> tls_context(bool verify) {
  auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_client);
  error_code ignored;  // without the CA bundle the handshake fails with an error
  context->set_default_verify_paths(ignored);
  context->set_verify_mode(verify ? asio::ssl::verify_peer : asio::ssl::verify_none);
  return context;
}

void require_header(const std::string& name, const std::string& value) {
  bool is_legal = !name.empty();
  for (const char letter : name) is_legal = is_legal && letter > ' ' && letter < 127 && letter != ':';
  for (const char letter : value) is_legal = is_legal && static_cast<unsigned char>(letter) >= ' ';
  require(is_legal,
          fmt::format("invalid header \"{}\": a name may not contain spaces, a value must be a single line",
                      name));
}

std::string header_lines(const HttpOptions& options) {
  std::string lines = fmt::format("Host: {}\r\nUser-Agent: rerank-bench/{}\r\nAccept: application/json\r\n",
                                  options.address.url.authority(), version());
  if (!options.api_key.empty()) {
    require_header("Authorization", options.api_key);
    lines += "Authorization: Bearer " + options.api_key + "\r\n";
  }
  for (const auto& [name, value] : options.headers) {
    require_header(name, value);
    lines += name + ": " + value + "\r\n";
  }
  return lines;
}

}  // namespace

class HttpTarget::Impl {
 public:
  explicit Impl(const HttpOptions& options) {
    route_.endpoints = endpoints_of(options.address);
    route_.host = options.address.url.host;
    if (options.address.url.is_tls) route_.tls = tls_context(options.verify_tls);
    route_.base_path = options.address.url.path;
    route_.headers = header_lines(options);
    route_.timeout = options.timeout;
    for (int thread = 0; thread < std::max(1, options.num_threads); ++thread) {
      lanes_.push_back(std::make_unique<Lane>(route_));
    }
  }

  void send(const Job& job, Done done) {
    Lane* lane = Lane::current;
    if (lane == nullptr || !lane->serves(route_))
      lane = lanes_[next_lane_.fetch_add(1) % lanes_.size()].get();
    lane->send(job, std::move(done));
  }
  void abort() {
    for (const auto& lane : lanes_) lane->abort();
  }

 private:
  HttpRoute route_;
  std::vector<std::unique_ptr<Lane>> lanes_;
  std::atomic<std::size_t> next_lane_ = 0;
};

HttpTarget::HttpTarget(const HttpOptions& options) : impl_(std::make_unique<Impl>(options)) {}

HttpTarget::~HttpTarget() = default;

void HttpTarget::send(const Job& job, Done done) {
  impl_->send(job, std::move(done));
}

void HttpTarget::abort() {
  impl_->abort();
}

}  // namespace rerank::load
