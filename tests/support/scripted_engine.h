// An engine for tests of the service: it scores when it is told to, so that nothing depends on time.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "rerank/error.h"
#include "server/service/scoring_engine.h"

namespace rerank {

class ScriptedEngine : public ScoringEngine {
 public:
  // What a test looks at and steers; it outlives the engine, which the service owns.
  struct Script {
    std::mutex mutex;
    std::map<Engine::RequestId, std::pair<Request, Engine::Callback>> waiting;  // in order of arrival
    bool is_healthy = true;
    bool has_no_memory = false;             // every call throws
    std::function<void()> when_tokenizing;  // called for each text

    std::size_t num_waiting() {
      const std::lock_guard lock(mutex);
      return waiting.size();
    }
    Request first_request() {
      const std::lock_guard lock(mutex);
      return waiting.empty() ? Request{} : waiting.begin()->second.first;
    }
    // The oldest request ends: a document's score is its length / 100, its tokens its length.
    void score_one() {
      std::unique_lock lock(mutex);
      ASSERT_FALSE(waiting.empty());
      auto [request, callback] = std::move(waiting.begin()->second);
      waiting.erase(waiting.begin());
      lock.unlock();
      Result result;
      for (const std::string& document : request.documents) {
        DocumentScore score;
        score.num_tokens = static_cast<std::int32_t>(document.size());
        score.score = static_cast<float>(document.size()) / 100;
        result.documents.push_back(score);
        result.num_tokens += score.num_tokens;
      }
      callback(std::move(result));
    }
    void end_one(Engine::RequestId id, Status status, const std::string& message) {
      std::unique_lock lock(mutex);
      const auto found = waiting.find(id);
      if (found == waiting.end()) return;
      const Engine::Callback callback = std::move(found->second.second);
      waiting.erase(found);
      lock.unlock();
      Result result;
      result.status = status;
      result.message = message;
      callback(std::move(result));
    }
    Engine::RequestId first_id() {
      const std::lock_guard lock(mutex);
      return waiting.empty() ? 0 : waiting.begin()->first;
    }
  };

  explicit ScriptedEngine(Script& script, const std::string& model = "scripted") : script_(script) {
    info_.model = model;
    info_.device = "none";
    info_.dtype = "float32";
    info_.max_model_len = 1000;
    info_.max_num_batched_tokens = 100;
    info_.max_num_seqs = 10;
    info_.prefix_cache_capacity = 50;
  }

  Engine::RequestId submit(Request request, Engine::Callback callback) override {
    if (script_.has_no_memory) throw std::bad_alloc();
    const std::lock_guard lock(script_.mutex);
    script_.waiting.emplace(++last_id_, std::pair(std::move(request), std::move(callback)));
    return last_id_;
  }
  void cancel(Engine::RequestId id) override { script_.end_one(id, Status::kCancelled, "cancelled"); }
  std::vector<TokenPiece> tokenize_pieces(const std::string& text, bool) const override {
    if (script_.has_no_memory) throw std::bad_alloc();
    if (script_.when_tokenizing) script_.when_tokenizing();
    std::vector<TokenPiece> pieces;
    for (const char letter : text) {
      TokenPiece piece;
      piece.id = static_cast<unsigned char>(letter);
      piece.text = std::string(1, letter);
      pieces.push_back(piece);
    }
    return pieces;
  }
  std::string detokenize(std::span<const std::int32_t> ids) const override {
    return std::string(ids.begin(), ids.end());
  }
  const EngineInfo& info() const override { return info_; }
  EngineStatistics statistics() const override { return {}; }
  bool healthy() const override { return script_.is_healthy; }

 private:
  Script& script_;
  EngineInfo info_;
  Engine::RequestId last_id_ = 0;
};

}  // namespace rerank
