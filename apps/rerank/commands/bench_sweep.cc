#include "apps/rerank/commands/bench_sweep.h"

#include <fmt/format.h>
#include <sys/resource.h>

#include <algorithm>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>
#include <ctime>
#include <fstream>
#include <iterator>
#include <optional>
#include <thread>

#include "apps/rerank/command.h"
#include "apps/rerank/commands/bench_words.h"
#include "apps/rerank/commands/engine_calls.h"
#include "apps/rerank/interruption.h"
#include "apps/rerank/output/progress.h"
#include "load/engine_target.h"
#include "load/words.h"
#include "rerank/error.h"
#include "rerank/version.h"

namespace rerank::cli {
namespace {

namespace json = boost::json;

constexpr std::chrono::milliseconds kLookEvery{50};
constexpr std::chrono::seconds kAskAgainAfter{1};
// Bodies that are made for a point whose number of requests is not known.
constexpr std::int64_t kUsualJobs = 4096;

std::string now_text() {
  const std::time_t now = std::time(nullptr);
  tm calendar = {};
  gmtime_r(&now, &calendar);
  char text[32];
  std::strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &calendar);
  return text;
}

// Each request at a time takes a connection.
void allow_many_connections() {
  rlimit limit = {};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);  // where it fails, connecting will say that there are too many
}

// As the process was started, without what is secret: keys, and headers, which may hold some.
std::vector<std::string> command_line() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  bool is_secret = false;
  for (std::string word; std::getline(file, word, '\0'); words.push_back(word)) {
    const std::string flag = word.substr(0, word.find('='));
    const bool hides = flag == "--api-key" || flag == "--header";
    if (is_secret) word = "***";
    if (hides && flag.size() < word.size()) word = flag + "=***";
    is_secret = hides && word == flag;
  }
  return words;
}

// The text under a path of names in a reply; empty: it is not there.
std::string text_at(const std::string& reply, const char* pointer) {
  boost::system::error_code error;
  const json::value value = json::parse(reply, error);
  if (error) return "";
  const json::value* found = value.find_pointer(pointer, error);
  return found == nullptr || !found->is_string() ? "" : json::value_to<std::string>(*found);
}

std::string get(load::Target& target, const char* path) {
  load::Job job;
  job.method = "GET";
  job.path = path;
  job.num_results = -1;
  job.keep_reply = true;
  const load::Outcome outcome = send_and_wait(target, job);
  return outcome.failure == load::Failure::kNone ? outcome.reply : "";
}

}  // namespace

BenchSweep::BenchSweep(const BenchFlags& flags) : flags_(flags), setup_(bench_setup(flags)) {
  card_.created = now_text();
  card_.version = version();
  card_.label = flags.label;
  card_.command = command_line();
  card_.machine = load::this_machine();
  card_.metadata = setup_.metadata;
  words_ = flags.engine.tokenizer.empty() ? load::split_words(load::common_words())
                                          : words_of_tokenizer(flags.engine.tokenizer);
  if (flags.offline) {
    EngineOptions options = flags.engine;
    options.model = flags.model;
    if (!options.tokenizer.ends_with(".json")) options.tokenizer.clear();
    const auto begin = load::Clock::now();
    engine_ = load_engine(options);
    const std::chrono::duration<double> loading = load::Clock::now() - begin;
    target_ = std::make_unique<load::EngineTarget>(*engine_);
    describe_engine();
    card_.target.emplace_back("loaded in", fmt::format("{:.2f} s", loading.count()));
  } else {
    allow_many_connections();
    target_ = std::make_unique<load::HttpTarget>(setup_.http);
    describe_server();
  }
  ask_once();
}

void BenchSweep::describe_engine() {
  const EngineInfo& info = engine_->info();
  card_.target = {
      {"kind", "engine in process"},
      {"model", info.model},
      {"version", version()},
      {"device", info.device_name.empty() ? info.device : info.device + ", " + info.device_name},
      {"arithmetic", info.quantization == "none" ? info.dtype : info.dtype + ", " + info.quantization},
      {"replicas", std::to_string(info.data_parallel_size)},
      {"threads of each", std::to_string(info.num_threads)},
      {"tokens of a batch", std::to_string(info.max_num_batched_tokens)}};
}

void BenchSweep::describe_server() {
  // Servers that have no such routes are measured too, so what fails here is left out.
  const auto deadline = load::Clock::now() + std::chrono::duration<double>(flags_.ready_timeout_seconds);
  std::string models = get(*target_, "/v1/models");
  while (models.empty() && load::Clock::now() < deadline) {
    stop_if_interrupted();
    std::this_thread::sleep_for(kAskAgainAfter);
    models = get(*target_, "/v1/models");
  }
  if (setup_.form.model.empty() && setup_.dataset != Dataset::kFile)
    setup_.form.model = text_at(models, "/data/0/id");
  card_.target = {{"kind", "HTTP"}, {"address", setup_.http.address.text()}};
  if (!setup_.form.model.empty()) card_.target.emplace_back("model", setup_.form.model);
  if (const std::string found = text_at(get(*target_, "/version"), "/version"); !found.empty()) {
    card_.target.emplace_back("version", found);
  }
}

void BenchSweep::ask_once() {
  const std::vector<load::Job> jobs = make_jobs(0, 1, Purpose::kFirst);
  const auto deadline = load::Clock::now() + std::chrono::duration<double>(flags_.ready_timeout_seconds);
  for (;;) {
    stop_if_interrupted();
    std::promise<load::Outcome> promise;
    std::future<load::Outcome> future = promise.get_future();
    target_->send(jobs.front(), [&promise](load::Outcome outcome) { promise.set_value(std::move(outcome)); });
    while (future.wait_for(kLookEvery) != std::future_status::ready) {
      if (interrupted()) target_->abort();
    }
    const load::Outcome outcome = future.get();
    stop_if_interrupted();
    if (outcome.failure == load::Failure::kNone) break;
    if (load::Clock::now() >= deadline) {
      const std::string where = engine_ ? "the engine" : setup_.http.address.text() + jobs.front().path;
      throw Error(ErrorCode::kUnavailable,
                  fmt::format("the test request to {} failed, so nothing was measured: {}: {}", where,
                              failure_name(outcome), outcome.message));
    }
    std::this_thread::sleep_for(kAskAgainAfter);
  }
  if (!engine_) card_.target.emplace_back("path", jobs.front().path);
}

std::vector<load::Job> BenchSweep::make_jobs(std::size_t index, std::int64_t num_jobs,
                                             Purpose purpose) const {
  // No request must find the query of another in the server's cache, unless that is how its dataset is meant.
  constexpr std::uint64_t kPurposes = 3;
  const std::uint64_t run = static_cast<std::uint64_t>(flags_.seed) * 1'000'003 + index;
  const load::RandomTexts texts = {words_, run * kPurposes + static_cast<std::uint64_t>(purpose)};
  switch (setup_.dataset) {
    case Dataset::kFile:
      return load::file_workload(flags_.dataset_path, setup_.form);
    case Dataset::kRandomRerank:
      return load::random_rerank_workload(setup_.random_rerank, texts, setup_.form);
    case Dataset::kWords:
      break;
  }
  return load::words_workload(setup_.points[index].words, texts, setup_.form, num_jobs);
}

bool BenchSweep::run(const std::vector<load::Job>& jobs, const load::LoadPlan& plan, const std::string& what,
                     load::RunRecord& record) {
  std::optional<Progress> progress;
  if (!flags_.disable_progress) progress.emplace(what);
  load::LoadRun run(*target_, jobs, plan);
  while (!run.wait_for(kLookEvery)) {
    if (interrupted()) run.stop();
    const load::LoadRun::Progress seen = run.progress();
    if (progress) progress->update(seen.num_done, seen.fraction);
  }
  record = run.take_record();
  return !record.interrupted;
}

load::Point BenchSweep::measure(std::size_t index) {
  const BenchPoint& asked = setup_.points[index];
  const std::int64_t wanted = asked.plan.max_requests > 0 ? asked.plan.max_requests : kUsualJobs;
  const std::vector<load::Job> jobs = make_jobs(index, wanted, Purpose::kMeasure);

  load::Point point;
  point.plan = asked.plan;
  point.dataset = flags_.dataset_name.empty() ? (setup_.dataset == Dataset::kFile ? "custom" : "words")
                                              : flags_.dataset_name;
  if (setup_.dataset == Dataset::kWords) {
    point.docs_per_request = asked.words.docs_per_request;
    point.query_words = asked.words.query_words;
    point.document_words = asked.words.document_words;
  } else if (setup_.dataset == Dataset::kRandomRerank) {
    point.docs_per_request = setup_.random_rerank.batch_size - (setup_.random_rerank.is_reranker ? 0 : 1);
  }
  point.num_distinct = static_cast<std::int64_t>(jobs.size());
  point.percentiles = setup_.figures.percentiles;

  bool goes_on = true;
  if (asked.num_warmups > 0) {
    load::LoadPlan plan;
    plan.concurrency = asked.plan.concurrency > 0 ? asked.plan.concurrency : asked.num_warmups;
    plan.max_requests = asked.num_warmups;
    load::RunRecord ignored;
    const std::vector<load::Job> warmups = make_jobs(index, asked.num_warmups, Purpose::kWarmUp);
    goes_on = run(warmups, plan, "warm-up requests", ignored);
  }
  const std::string which =
      setup_.points.size() == 1
          ? "requests"
          : fmt::format("requests ({} of {}: {})", index + 1, setup_.points.size(), load_text(asked.plan));
  if (goes_on) {
    run(jobs, asked.plan, which, point.record);
  } else {
    point.record.interrupted = true;
  }
  point.figures = figures_of(point.record, setup_.figures);
  return point;
}

}  // namespace rerank::cli
