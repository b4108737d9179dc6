// The engine in this process as the target: what remains without HTTP and JSON.
#pragma once

#include <memory>

#include "load/target.h"
#include "rerank/engine.h"

namespace rerank::load {

class EngineTarget : public Target {
 public:
  // `engine` must outlive it.
  explicit EngineTarget(Engine& engine);
  // REQUIRES: no request is in progress.
  ~EngineTarget() override;
  EngineTarget(const EngineTarget&) = delete;
  EngineTarget& operator=(const EngineTarget&) = delete;

  void send(const Job& job, Done done) override;
  void abort() override;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace rerank::load
