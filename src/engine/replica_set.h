// The engine at work on a loaded model: requests in from any thread, divided between the replicas, and their
// results put together. What one replica does stands in scoring_loop.h.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/loading.h"
#include "engine/request_split.h"
#include "engine/schedule/pending_request.h"
#include "engine/scoring_loop.h"
#include "rerank/engine.h"

namespace rerank {

// Public members are those of Engine and safe from any thread.
class __attribute__((visibility("hidden"))) ReplicaSet {
 public:
  // REQUIRES: the backends have loaded the model; there is one at least.
  explicit ReplicaSet(LoadedModel loaded);
  // Requests not finished end with Status::kCancelled.
  ~ReplicaSet();
  ReplicaSet(const ReplicaSet&) = delete;
  ReplicaSet& operator=(const ReplicaSet&) = delete;

  Engine::RequestId submit(Request request, Engine::Callback callback);
  void cancel(Engine::RequestId id);
  bool healthy() const;
  EngineStatistics statistics() const;
  const EngineInfo& info() const { return info_; }
  const RequestEncoder& encoder() const { return *encoder_; }

 private:
  // A request on its way; its members are guarded by mutex_ but for `whole`.
  struct Running {
    std::shared_ptr<SubmittedRequest> whole;
    Engine::Callback callback;
    std::vector<Result> results;  // [parts]
    std::size_t num_left = 0;     // parts
    Failure failure;              // the first
  };
  using RunningPtr = std::shared_ptr<Running>;

  // The replica that each part goes to: those with the least to do, no two the same.
  std::vector<std::size_t> choose_replicas(const std::vector<RequestPart>& parts) const;
  void finish_part(const RunningPtr& running, std::size_t part, Result result);
  void finish(Running& running);
  void look_again();

  std::shared_ptr<const RequestEncoder> encoder_;
  EngineInfo info_;

  mutable std::mutex mutex_;
  std::map<Engine::RequestId, RunningPtr> running_;
  std::vector<std::size_t> outstanding_bytes_;  // [replicas], of the parts submitted and not finished
  Engine::RequestId last_id_ = 0;
  EngineStatistics statistics_;  // of what counts requests

  std::vector<std::unique_ptr<ScoringLoop>> loops_;  // [replicas]
};

}  // namespace rerank
