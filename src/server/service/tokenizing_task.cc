#include "server/service/tokenizing_task.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "api/api_error.h"
#include "api/token_call.h"
#include "server/service/body.h"
#include "server/service/request_deadline.h"

namespace rerank {
namespace {

constexpr std::size_t kShortBodyBytes = 64 << 10;  // tokenized in a few milliseconds

// Admitted from here to the end of the scope.
class Admitted {
 public:
  Admitted(Admission& admission, Metrics& metrics, const Load& load) : admission_(admission), load_(load) {
    if (const auto wait = admission_.enter(load_)) {
      metrics.count_rejected("queue_full");
      throw api::queue_full(*wait);
    }
  }
  ~Admitted() { admission_.leave(load_, 0); }
  Admitted(const Admitted&) = delete;
  Admitted& operator=(const Admitted&) = delete;

 private:
  Admission& admission_;
  const Load load_;
};

}  // namespace

void TokenizingTask::start() {
  post(exchange_->request().body.size() > kShortBodyBytes ? WorkSize::kLong : WorkSize::kShort);
}

void TokenizingTask::post(WorkSize size) {
  service_.workers_.post(size, [self = shared_from_this(), size] { self->run(size); });
}

void TokenizingTask::run(WorkSize size) {
  try {
    look();
    const std::size_t max_bytes = service_.options_.max_inflated_bytes;
    const std::size_t most = size == WorkSize::kShort ? std::min(kShortBodyBytes, max_bytes) : max_bytes;
    if (inflate_body(exchange_->request(), most, exchange_->allowance())) return answer();
    if (most == max_bytes) throw api::body_too_large(max_bytes);
    post(WorkSize::kLong);
  } catch (const Unwanted&) {
    exchange_->abandon();
  } catch (const std::exception& error) {
    exchange_->fail(error);
  }
}

void TokenizingTask::answer() {
  deadline_ = deadline_of(exchange_->request(), service_.options_.request_timeout);
  if (exchange_->match().route->handler == api::Handler::kTokenize) {
    tokenize();
  } else {
    detokenize();
  }
}

void TokenizingTask::look() const {
  if (is_abandoned_) throw Unwanted();
  if (service_.ended_) throw api::ApiError(503, "The server is shutting down.");
  if (deadline_ && std::chrono::steady_clock::now() >= *deadline_) {
    throw api::ApiError(504, "The deadline passed before all texts were tokenized.");
  }
}

void TokenizingTask::tokenize() {
  RequestAllowance& allowance = exchange_->allowance();
  const api::TokenizeCall call =
      api::parse_tokenize_call(std::move(exchange_->request().body), serving_.rules, allowance);
  Load load;
  load.num_documents = static_cast<std::int64_t>(call.texts.size());
  for (const std::string& text : call.texts) load.num_bytes += static_cast<std::int64_t>(text.size());
  const Admitted admitted(service_.admission_, service_.metrics_, load);
  api::TokensText reply(call, serving_.rules.max_model_len, allowance);
  for (const std::string& text : call.texts) {
    look();
    const std::size_t room = api::tokenizing_bytes(text.size());
    allowance.take(room);
    reply.add(serving_.engine->tokenize_pieces(text, serving_.parse_special_tokens));
    allowance.give_back(room);
  }
  exchange_->reply_json(reply.take());
}

void TokenizingTask::detokenize() {
  constexpr std::size_t kMostBytesPerToken = 256;  // such as of spaces; in JSON and in memory
  RequestAllowance& allowance = exchange_->allowance();
  const auto ids =
      api::parse_detokenize_call(std::move(exchange_->request().body), serving_.rules, allowance);
  const Admitted admitted(service_.admission_, service_.metrics_,
                          {.num_documents = 1, .num_bytes = static_cast<std::int64_t>(ids.size())});
  look();
  allowance.take(kMostBytesPerToken * ids.size());
  exchange_->reply_json(api::write_detokenized(serving_.engine->detokenize(ids)));
}

}  // namespace rerank
