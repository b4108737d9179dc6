// What `rerank bench` itself costs: its generator drives a server that does next to nothing, each on a core
// of its own, in a closed loop. Prints requests a second and the generator's processor time for each.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <array>
#include <charconv>
#include <cstdio>
#include <string>
#include <unordered_map>

#include "load/figures.h"
#include "load/http/http_target.h"
#include "load/load_run.h"
#include "load/report/bench_result.h"
#include "load/words.h"
#include "load/workload.h"
#include "rerank/error.h"

namespace rerank::benchmarks {
namespace {

struct Listener {
  int socket = -1;
  int port = 0;
};

Listener listen_locally() {
  Listener listener;
  listener.socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  require(bind(listener.socket, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0 &&
              listen(listener.socket, SOMAXCONN) == 0,
          "cannot listen on 127.0.0.1");
  socklen_t size_bytes = sizeof(address);
  getsockname(listener.socket, reinterpret_cast<sockaddr*>(&address), &size_bytes);
  listener.port = ntohs(address.sin_port);
  return listener;
}

void stay_on_core(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(static_cast<std::size_t>(core), &cores);
  sched_setaffinity(0, sizeof(cores), &cores);
}

std::string reply_of(std::int64_t num_results) {
  std::string body =
      R"({"id":"rerank-0123456789abcdef","model":"none","usage":{"prompt_tokens":3000,"total_tokens":3000},"results":[)";
  for (std::int64_t index = 0; index < num_results; ++index) {
    body += fmt::format(R"({}{{"index":{},"relevance_score":0.{}}})", index == 0 ? "" : ",", index,
                        98765432 - index);
  }
  body += "]}";
  return fmt::format("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{}",
                     body.size(), body);
}

// How many bytes the request at the start of `text` takes; 0: it is not whole.
std::size_t request_bytes(const std::string& text) {
  const std::size_t head = text.find("\r\n\r\n");
  if (head == std::string::npos) return 0;
  std::size_t body = 0;
  if (const std::size_t at = text.find("Content-Length: "); at < head) {
    std::from_chars(text.data() + at + 16, text.data() + head, body);
  }
  return text.size() >= head + 4 + body ? head + 4 + body : 0;
}

// Answers every whole request with the same bytes, until it is killed.
[[noreturn]] void serve(int listener, const std::string& reply) {
  const int poll = epoll_create1(EPOLL_CLOEXEC);
  const auto watch = [poll](int socket) {
    epoll_event event = {.events = EPOLLIN, .data = {.fd = socket}};
    epoll_ctl(poll, EPOLL_CTL_ADD, socket, &event);
  };
  watch(listener);
  std::unordered_map<int, std::string> received;
  std::array<epoll_event, 64> events{};
  std::array<char, 65536> block{};
  for (;;) {
    const int num_events = epoll_wait(poll, events.data(), static_cast<int>(events.size()), -1);
    for (int index = 0; index < num_events; ++index) {
      const int socket = events[static_cast<std::size_t>(index)].data.fd;
      if (socket == listener) {
        const int accepted = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        const int on = 1;
        setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        watch(accepted);
        continue;
      }
      const ssize_t got = recv(socket, block.data(), block.size(), 0);
      if (got <= 0) {
        received.erase(socket);
        close(socket);
        continue;
      }
      std::string& text = received[socket];
      text.append(block.data(), static_cast<std::size_t>(got));
      for (std::size_t size = request_bytes(text); size > 0; size = request_bytes(text)) {
        text.erase(0, size);
        send(socket, reply.data(), reply.size(), MSG_NOSIGNAL);
      }
    }
  }
}

void print_row(const load::WordsShape& shape, const load::LoadPlan& plan, const load::Figures& figures) {
  const std::string size = fmt::format("{} x {}", shape.docs_per_request, shape.document_words);
  const std::string lateness = plan.rate ? fmt::format("{:.3f}", figures.lateness->at(99)) : "-";
  fmt::print("{:>12} {:>16} {:>12.0f} {:>15.1f} {:>12} {:>8}\n", size, load_text(plan),
             figures.requests_per_second, figures.cpu_us_per_request, lateness, figures.num_failed);
  std::fflush(stdout);
}

void measure(const load::WordsShape& shape, const load::LoadPlan& plan) {
  const Listener listener = listen_locally();
  const pid_t child = fork();
  if (child == 0) {
    stay_on_core(1);
    serve(listener.socket, reply_of(shape.docs_per_request));
  }
  close(listener.socket);
  stay_on_core(0);
  {
    const load::RandomTexts texts = {load::split_words(load::common_words()), 1};
    const std::vector<load::Job> jobs = words_workload(shape, texts, {}, 1024);
    load::HttpOptions options;
    options.address = load::parse_server_address(fmt::format("http://127.0.0.1:{}", listener.port));
    load::HttpTarget target(options);
    load::LoadRun run(target, jobs, plan);
    while (!run.wait_for(std::chrono::seconds(1))) {
    }
    print_row(shape, plan, figures_of(run.take_record(), {}));
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
}

}  // namespace
}  // namespace rerank::benchmarks

int main(int argc, char** argv) {
  using rerank::benchmarks::measure;
  using rerank::load::LoadPlan;
  using rerank::load::WordsShape;
  CLI::App program("What the load generator costs, against a server that does next to nothing");
  double seconds = 5;
  program.add_option("--seconds", seconds, "of each row");
  CLI11_PARSE(program, argc, argv);
  const std::chrono::nanoseconds duration(static_cast<std::int64_t>(seconds * 1e9));
  fmt::print("{:>12} {:>16} {:>12} {:>15} {:>12} {:>8}\n", "docs x words", "load", "requests/s",
             "us of CPU each", "late p99 ms", "failed");
  std::fflush(stdout);
  const WordsShape small = {.docs_per_request = 1, .query_words = 5, .document_words = 10};
  const WordsShape usual = {.docs_per_request = 20, .query_words = 12, .document_words = 100};
  for (const WordsShape& shape : {small, usual}) {
    for (const std::int64_t concurrency : {1, 16, 256}) {
      measure(shape, LoadPlan{.concurrency = concurrency, .duration = duration});
    }
    for (const double rate : {100.0, 1000.0, 10'000.0})
      measure(shape, LoadPlan{.rate = rate, .duration = duration});
  }
  return 0;
}
