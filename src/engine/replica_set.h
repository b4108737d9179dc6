// The engine with a loaded model: accepts requests from any thread, divides them among replicas and combines
// the results. For a single replica see scoring_loop.h.
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
  // REQUIRES: there is at least one replica, and the backends have loaded the model.
  explicit ReplicaSet(LoadedModel loaded);
  // Unfinished requests end with Status::kCancelled.
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
  // A request in progress. Its members, except `whole`, are guarded by mutex_.
  struct Running {
    std::shared_ptr<SubmittedRequest> whole;
    Engine::Callback callback;
    std::vector<Result> results;  // [parts]
    std::size_t num_left = 0;     // parts
    Failure failure;              // the first
  };
  using RunningPtr = std::shared_ptr<Running>;

  // The replica for each part: those with the least work, all different.
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
  EngineStatistics statistics_;  // the counters of requests

  std::vector<std::unique_ptr<ScoringLoop>> loops_;  // [replicas]
};

}  // namespace rerank
