// Whole requests through the engine, without HTTP: documents a second with several requests at once, and the
// time of one request alone. Every request has texts of its own.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <future>
#include <queue>
#include <string>
#include <vector>

#include "engine/loading.h"
#include "rerank/engine.h"
#include "word_text.h"

namespace rerank::benchmarks {
namespace {

using Clock = std::chrono::steady_clock;

struct Arguments {
  EngineOptions engine{.model = "synth:0.6B"};
  int num_requests = 200;
  int at_once = 8;
  int num_documents = 50;
  int words = 200;
  int alone_documents = 20;
  int alone_rounds = 30;
};

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

Request make_request(WordText& text, int num_documents, int words) {
  Request request;
  request.query = text(46);
  for (int i = 0; i < num_documents; ++i) request.documents.push_back(text(words));
  return request;
}

void print_start(const Engine& engine, double load, double first) {
  const EngineInfo& info = engine.info();
  fmt::print("{} on {}{}{}, {}{}; {} tokens a forward\n", info.model, info.device,
             info.device_name.empty() ? "" : ", ", info.device_name, info.dtype,
             info.quantization == "none" ? "" : " and " + info.quantization, info.max_num_batched_tokens);
  fmt::print(
      "start: loaded in {:.2f} s, first score after {:.2f} s; weights {:.2f} GiB, workspace {:.2f} GiB\n",
      load, load + first, static_cast<double>(info.weight_bytes) / (1 << 30),
      static_cast<double>(info.workspace_bytes) / (1 << 30));
}

void measure_many(Engine& engine, WordText& text, const Arguments& arguments) {
  std::vector<Request> requests;
  for (int i = 0; i < arguments.num_requests; ++i) {
    requests.push_back(make_request(text, arguments.num_documents, arguments.words));
  }
  const EngineStatistics before = engine.statistics();
  std::queue<std::future<Result>> running;
  const auto begin = Clock::now();
  for (Request& request : requests) {
    if (running.size() == static_cast<std::size_t>(arguments.at_once)) {
      running.front().get();
      running.pop();
    }
    running.push(engine.submit(std::move(request)));
  }
  for (; !running.empty(); running.pop()) running.front().get();
  const double taken = seconds_since(begin);
  const EngineStatistics after = engine.statistics();
  const auto computed = static_cast<double>(after.num_computed_tokens - before.num_computed_tokens);
  const double busy = std::chrono::duration<double>(after.compute - before.compute).count();
  fmt::print(
      "{} requests of {} documents of {} words, {} at once: {:.0f} documents/s, {:.1f} thousand tokens/s "
      "computed, {} forwards, device busy {:.0f}%\n",
      arguments.num_requests, arguments.num_documents, arguments.words, arguments.at_once,
      arguments.num_requests * arguments.num_documents / taken, 1e-3 * computed / taken,
      after.num_batches - before.num_batches, 100 * busy / taken);
}

void measure_alone(Engine& engine, WordText& text, const Arguments& arguments) {
  std::vector<double> times;
  for (int i = 0; i < arguments.alone_rounds; ++i) {
    const Request request = make_request(text, arguments.alone_documents, arguments.words);
    const auto begin = Clock::now();
    engine.score(request);
    times.push_back(1000 * seconds_since(begin));
  }
  std::ranges::sort(times);
  fmt::print("one request of {} documents of {} words, alone: median {:.2f} ms, 90% {:.2f} ms\n",
             arguments.alone_documents, arguments.words, times[times.size() / 2],
             times[times.size() * 9 / 10]);
}

void run(const Arguments& arguments) {
  auto begin = Clock::now();
  Engine engine(arguments.engine);
  const double load = seconds_since(begin);
  begin = Clock::now();
  engine.score({.query = "first", .documents = {"score"}});
  print_start(engine, load, seconds_since(begin));
  WordText text(load_tokenizer(arguments.engine), 1);
  for (int i = 0; i < 3; ++i) engine.score(make_request(text, arguments.alone_documents, arguments.words));
  if (arguments.alone_rounds > 0) measure_alone(engine, text, arguments);
  if (arguments.num_requests > 0) measure_many(engine, text, arguments);
}

}  // namespace
}  // namespace rerank::benchmarks

int main(int argc, char** argv) {
  rerank::benchmarks::Arguments arguments;
  CLI::App app("Requests through the engine, without HTTP.");
  app.add_option("-m,--model", arguments.engine.model, "checkpoint directory or synth:SIZE");
  app.add_option("--tokenizer", arguments.engine.tokenizer);
  app.add_option("--device", arguments.engine.device);
  app.add_option("--quantization", arguments.engine.quantization);
  app.add_option("--data-parallel-size", arguments.engine.data_parallel_size);
  app.add_option("--tensor-parallel-size", arguments.engine.tensor_parallel_size);
  app.add_option("--max-num-batched-tokens", arguments.engine.max_num_batched_tokens);
  app.add_option("--requests", arguments.num_requests);
  app.add_option("--at-once", arguments.at_once, "requests that wait or run at a time");
  app.add_option("--documents", arguments.num_documents, "of a request");
  app.add_option("--words", arguments.words, "of a document");
  app.add_option("--alone-documents", arguments.alone_documents);
  app.add_option("--alone-rounds", arguments.alone_rounds);
  CLI11_PARSE(app, argc, argv);
  try {
    rerank::benchmarks::run(arguments);
  } catch (const rerank::Error& error) {
    fmt::print(stderr, "rank_offline: {}\n", error.what());
    return 1;
  }
}
