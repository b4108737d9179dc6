// The engine in process as the bearer of the load: what is left when HTTP and JSON are taken away.
#pragma once

#include <memory>

#include "load/target.h"
#include "rerank/engine.h"

namespace rerank::load {

class EngineTarget : public Target {
 public:
  // `engine` outlives it.
  explicit EngineTarget(Engine& engine);
  // REQUIRES: nothing is under way.
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
