// The engine behind an interface, so that the service depends on neither models nor devices.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "rerank/engine.h"

namespace rerank {

// All members as in Engine.
class ScoringEngine {
 public:
  virtual ~ScoringEngine() = default;

  virtual Engine::RequestId submit(Request request, Engine::Callback callback) = 0;
  virtual void cancel(Engine::RequestId id) = 0;
  virtual std::vector<TokenPiece> tokenize_pieces(const std::string& text, bool parse_special) const = 0;
  virtual std::string detokenize(std::span<const std::int32_t> ids) const = 0;
  virtual const EngineInfo& info() const = 0;
  virtual EngineStatistics statistics() const = 0;
  virtual bool healthy() const = 0;
};

// Loads the model and scores a first request as a warm-up. Throws Error.
std::unique_ptr<ScoringEngine> load_scoring_engine(const EngineOptions& options);

}  // namespace rerank
