#include "rerank/engine.h"

#include <utility>

#include "base/utf8.h"
#include "engine/loading.h"
#include "engine/replica_set.h"
#include "rerank/error.h"

namespace rerank {

class __attribute__((visibility("hidden"))) Engine::Impl : public ReplicaSet {
 public:
  using ReplicaSet::ReplicaSet;
};

Engine::Engine(const EngineOptions& options) : impl_(std::make_unique<Impl>(load_model(options))) {}

Engine::~Engine() = default;

Engine::RequestId Engine::submit(Request request, Callback callback) {
  return impl_->submit(std::move(request), std::move(callback));
}

std::future<Result> Engine::submit(Request request) {
  auto promise = std::make_shared<std::promise<Result>>();
  std::future<Result> future = promise->get_future();
  impl_->submit(std::move(request), [promise](Result result) { promise->set_value(std::move(result)); });
  return future;
}

void Engine::cancel(RequestId id) {
  impl_->cancel(id);
}

Result Engine::score(Request request) {
  Result result = submit(std::move(request)).get();
  if (result.status == Status::kOk) return result;
  const ErrorCode code =
      result.status == Status::kInvalidArgument ? ErrorCode::kInvalidArgument : ErrorCode::kUnavailable;
  if (result.subject.member.empty()) throw Error(code, result.message);
  throw Error(code, std::move(result.subject), result.reason);
}

std::vector<std::int32_t> Engine::tokenize(const std::string& text) const {
  return impl_->encoder().encode_text(text);
}

std::vector<TokenPiece> Engine::tokenize_pieces(const std::string& text, bool parse_special) const {
  return impl_->encoder().tokenizer().pieces(text,
                                             parse_special ? SpecialTokens::kParse : SpecialTokens::kAsText);
}

std::string Engine::detokenize(std::span<const std::int32_t> ids) const {
  return replace_invalid_utf8(impl_->encoder().tokenizer().decode(ids));
}

const EngineInfo& Engine::info() const {
  return impl_->info();
}

EngineStatistics Engine::statistics() const {
  return impl_->statistics();
}

bool Engine::healthy() const {
  return impl_->healthy();
}

}  // namespace rerank
