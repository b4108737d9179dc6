#include "apps/rerank/commands/pair_scorer.h"

#include <fmt/format.h>

#include <utility>

#include "apps/rerank/commands/engine_calls.h"

namespace rerank::cli {
namespace {

constexpr std::size_t kMaxGroupPairs = 64;
constexpr std::size_t kMaxBytes = std::size_t{64}
                                  << 20;  // of texts in memory; a single longer pair still passes

}  // namespace

PairScorer::PairScorer(Scorer& scorer, const RequestFlags& flags, const LineReader& input, Emit emit)
    : scorer_(scorer),
      flags_(flags),
      input_(input),
      emit_(std::move(emit)),
      max_pairs_(scorer.max_pairs_in_flight()) {}

Request PairScorer::request_for(const Pair& pair) const {
  Request request;
  flags_.apply_to(request);
  request.query = pair.query;
  if (!pair.instruction.empty()) request.instruction = pair.instruction;
  return request;
}

bool PairScorer::belongs_to_open_group(const Pair& pair) const {
  const Request& request = open_group_->request;
  return request.documents.size() < kMaxGroupPairs && request.query == pair.query &&
         request.instruction == (pair.instruction.empty() ? flags_.instruction : pair.instruction);
}

void PairScorer::add(Pair pair) {
  if (open_group_ != nullptr && !belongs_to_open_group(pair)) start_open_group();
  if (open_group_ == nullptr) {
    open_group_ = std::make_unique<Group>();
    open_group_->request = request_for(pair);
  }
  const std::size_t pair_bytes = pair.query.size() + pair.document.size() + pair.instruction.size();
  open_group_->request.documents.push_back(std::move(pair.document));
  open_group_->line_numbers.push_back(pair.line_number);
  open_group_->num_bytes += pair_bytes;
  num_bytes_ += pair_bytes;
  ++num_pairs_;
  if (num_bytes_ >= kMaxBytes) start_open_group();
  while (!running_.empty() && (num_pairs_ >= max_pairs_ || num_bytes_ >= kMaxBytes)) emit_oldest_group();
}

void PairScorer::settle(const std::function<bool()>& stop) {
  start_open_group();
  while (!running_.empty() && !stop()) emit_oldest_group();
}

void PairScorer::start_open_group() {
  if (open_group_ == nullptr) return;
  open_group_->pending = scorer_.submit(open_group_->request);
  running_.push_back(std::move(open_group_));
}

void PairScorer::emit_oldest_group() {
  const std::unique_ptr<Group> group = std::move(running_.front());
  running_.pop_front();
  num_pairs_ -= group->line_numbers.size();
  num_bytes_ -= group->num_bytes;
  const Result result = group->pending->wait();
  if (result.status == Status::kInvalidArgument) find_refused_pair(*group);
  require_ok(result, input_.name());
  for (const DocumentScore& score : result.documents) emit_(score);
}

void PairScorer::find_refused_pair(const Group& group) {
  for (std::size_t index = 0; index < group.line_numbers.size(); ++index) {
    Request request = group.request;
    request.documents = {group.request.documents[index]};
    const Result result = scorer_.submit(std::move(request))->wait();
    require_ok(result, input_.place(group.line_numbers[index]));
    emit_(result.documents.front());
  }
}

}  // namespace rerank::cli
