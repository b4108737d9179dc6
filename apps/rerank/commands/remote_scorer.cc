#include "apps/rerank/commands/remote_scorer.h"

#include <chrono>
#include <cmath>
#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <stop_token>
#include <thread>
#include <utility>
#include <vector>

#include "apps/rerank/interruption.h"

namespace rerank::cli {
namespace {

constexpr std::size_t kPairsOfARequest = 64;

using Task = std::packaged_task<Result()>;

// Waits for `result`; a signal stops `stop`. Throws what the task threw, or Interrupted.
template <typename Value>
Value wait_for(std::future<Value>& result, std::stop_source& stop) {
  while (result.wait_for(kSignalDelay) != std::future_status::ready) {
    if (interrupted()) stop.request_stop();
  }
  try {
    return result.get();
  } catch (const ClientError& error) {
    if (error.reason() == ClientError::Reason::kCancelled) stop_if_interrupted();
    throw;
  }
}

class RemoteScores : public PendingScores {
 public:
  RemoteScores(std::future<Result> result, std::stop_source& stop)
      : result_(std::move(result)), stop_(stop) {}
  Result wait() override { return wait_for(result_, stop_); }

 private:
  std::future<Result> result_;
  std::stop_source& stop_;
};

class RemoteScorer : public Scorer {
 public:
  RemoteScorer(ClientOptions options, bool raw_scores)
      : num_threads_(static_cast<std::size_t>(options.max_connections)),
        raw_scores_(raw_scores),
        client_(std::move(options)) {
    std::future<ServerInfo> server =
        std::async(std::launch::async, [this] { return client_.server(stop_.get_token()); });
    server_ = wait_for(server, stop_);
  }
  ~RemoteScorer() override {
    stop_.request_stop();
    for (std::jthread& thread : threads_) thread.request_stop();
  }

  std::unique_ptr<PendingScores> submit(Request request) override {
    Task task([this, request = std::move(request)] { return ask(request); });
    auto pending = std::make_unique<RemoteScores>(task.get_future(), stop_);
    {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    task_came_.notify_one();
    if (threads_.size() < num_threads_) {
      threads_.emplace_back([this](const std::stop_token& stop) { work(stop); });
    }
    return pending;
  }
  std::size_t max_pairs_in_flight() const override { return num_threads_ * kPairsOfARequest; }
  std::string model() const override {
    const std::lock_guard lock(mutex_);
    return model_.empty() ? server_.model : model_;
  }
  bool counts_cached_tokens() const override { return false; }

 private:
  RerankOptions options_of(const Request& request) const {
    RerankOptions options;
    options.return_documents = false;
    options.instruction = request.instruction;
    options.max_tokens_per_query = request.max_tokens_per_query;
    options.max_tokens_per_document = request.max_tokens_per_document;
    options.raw_scores = raw_scores_;
    // As an engine does, where the server can be told; the others do what they do.
    const bool can_be_told =
        server_.dialect == "rerank" || server_.dialect == "vllm" || server_.dialect == "tei";
    if (can_be_told || !request.truncate) options.truncate = request.truncate;
    return options;
  }

  Result ask(const Request& request) {
    Result result;
    RerankReply reply;
    try {
      reply = client_.rerank(request.query, request.documents, options_of(request), stop_.get_token());
    } catch (const ClientError& error) {
      // The request's own fault: whoever put it together may find out which text it is.
      const bool is_refused = error.status() == 400 || error.status() == 413 || error.status() == 422;
      if (!is_refused) throw;
      result.status = Status::kInvalidArgument;
      result.message = error.what();
      return result;
    }
    for (std::size_t i = 0; i < reply.scores.size(); ++i) {
      DocumentScore document{.score = reply.scores[i], .truncated = reply.truncated[i]};
      if (raw_scores_) {
        document.logit_yes = reply.scores[i];
        document.score = 1 / (1 + std::exp(-reply.scores[i]));
      }
      result.documents.push_back(document);
    }
    result.num_tokens = reply.num_tokens.value_or(0);
    const std::lock_guard lock(mutex_);
    model_ = reply.model;
    return result;
  }

  void work(const std::stop_token& stop) {
    for (;;) {
      Task task;
      {
        std::unique_lock lock(mutex_);
        if (!task_came_.wait(lock, stop, [this] { return !tasks_.empty(); })) return;
        task = std::move(tasks_.front());
        tasks_.pop_front();
      }
      task();
    }
  }

  const std::size_t num_threads_;
  const bool raw_scores_;
  const Client client_;
  std::stop_source stop_;  // of all requests
  ServerInfo server_;
  mutable std::mutex mutex_;
  std::condition_variable_any task_came_;
  std::deque<Task> tasks_;
  std::string model_;                  // as replies tell
  std::vector<std::jthread> threads_;  // as many as were needed so far
};

}  // namespace

std::unique_ptr<Scorer> remote_scorer(ClientOptions options, bool raw_scores) {
  return std::make_unique<RemoteScorer>(std::move(options), raw_scores);
}

}  // namespace rerank::cli
