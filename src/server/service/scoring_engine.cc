#include "server/service/scoring_engine.h"

#include <utility>

namespace rerank {
namespace {

class LocalEngine : public ScoringEngine {
 public:
  explicit LocalEngine(const EngineOptions& options) : engine_(options) {}

  Engine::RequestId submit(Request request, Engine::Callback callback) override {
    return engine_.submit(std::move(request), std::move(callback));
  }
  void cancel(Engine::RequestId id) override { engine_.cancel(id); }
  std::vector<TokenPiece> tokenize_pieces(const std::string& text, bool parse_special) const override {
    return engine_.tokenize_pieces(text, parse_special);
  }
  std::string detokenize(std::span<const std::int32_t> ids) const override { return engine_.detokenize(ids); }
  const EngineInfo& info() const override { return engine_.info(); }
  EngineStatistics statistics() const override { return engine_.statistics(); }
  bool healthy() const override { return engine_.healthy(); }

  void warm_up() {
    Request request;
    request.query = "warm up";
    request.documents = {"The first request touches every page of the weights.", "The second one need not."};
    engine_.score(std::move(request));
  }

 private:
  Engine engine_;
};

}  // namespace

std::unique_ptr<ScoringEngine> load_scoring_engine(const EngineOptions& options) {
  auto engine = std::make_unique<LocalEngine>(options);
  engine->warm_up();
  return engine;
}

}  // namespace rerank
