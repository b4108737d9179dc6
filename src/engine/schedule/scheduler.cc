#include "engine/schedule/scheduler.h"

#include <algorithm>
#include <new>
#include <utility>

#include "rerank/error.h"

namespace rerank {
namespace {

// An error of one request ends only that request.
void fail_for(PendingRequest& request, const std::exception& exception) {
  const auto* error = dynamic_cast<const Error*>(&exception);
  if (error != nullptr && error->code() != ErrorCode::kInternal) {
    request.fail(Status::kInvalidArgument, *error);
  } else if (dynamic_cast<const std::bad_alloc*>(&exception) != nullptr) {
    request.fail(Status::kUnavailable,
                 "there was not enough memory for this request: send less at once, or try again later");
  } else {
    request.fail(Status::kUnavailable, exception.what());
  }
}

}  // namespace

Scheduler::Scheduler(const SchedulerOptions& options, const RequestEncoder& encoder,
                     std::function<void(const PendingRequestPtr&)> release)
    : options_(options), encoder_(encoder), release_(std::move(release)), planner_(options) {}

void Scheduler::add(const PendingRequestPtr& request) {
  try {
    active_[request->priority].push_back(request);
  } catch (const std::exception& exception) {
    fail_for(*request, exception);
    release_(request);
  }
}

void Scheduler::close_batch() {
  batch_started_ = false;
}

void Scheduler::let_go(const PendingRequestPtr& request) {
  planner_.forget(*request);
  request->encoding.reset();
  release_(request);
}

void Scheduler::drop_all(Status status, const std::string& message) {
  for (const auto& [priority, turns] : std::exchange(active_, {})) {
    for (const PendingRequestPtr& request : turns) {
      request->fail(status, message);
      let_go(request);
    }
  }
}

void Scheduler::start_batch(PlannedBatch& planned) {
  planned.reserve(options_);
  is_full_ = false;
  planner_.start_batch();
  std::erase_if(active_, [](const auto& level) { return level.second.empty(); });
  for (auto& [priority, turns] : active_) {
    // Requests that found no room in the last batch come first in this one.
    const auto first = std::ranges::find_if(turns, [](const auto& request) { return request->passed_over; });
    if (first != turns.begin()) turns.splice(turns.begin(), turns, first, turns.end());
    for (const PendingRequestPtr& request : turns) request->passed_over = false;
  }
  batch_started_ = true;
}

bool Scheduler::fill(PlannedBatch& planned) {
  slice_end_ = Clock::now() + options_.planning_slice;
  try {
    if (!batch_started_) start_batch(planned);
  } catch (const std::bad_alloc&) {
    return false;  // no request is to blame; try again later
  }
  for (auto& [priority, turns] : active_) {
    if (!fill_from(turns, planned)) return false;
  }
  return !encode_slow();
}

// False when the time slice is over.
bool Scheduler::fill_from(Turns& turns, PlannedBatch& planned) {
  std::size_t without_progress = 0;
  while (without_progress < turns.size()) {
    const PendingRequestPtr request = turns.front();
    const std::chrono::nanoseconds encoded_before = request->tokenize;
    const Outcome outcome = plan_next(request, planned);
    if (outcome == Outcome::kEnded) {
      turns.pop_front();
      let_go(request);
      continue;
    }
    without_progress = outcome == Outcome::kPlanned ? 0 : without_progress + 1;
    if (outcome == Outcome::kNoRoom) request->passed_over = is_full_ = true;
    turns.splice(turns.end(), turns, turns.begin());
    const bool took_time = outcome == Outcome::kPlanned || request->tokenize > encoded_before;
    if (took_time && Clock::now() > slice_end_) return false;
  }
  return true;
}

// A request that waits for the slots of chunks lends its priority to the request that owns them; otherwise it
// could wait forever.
void Scheduler::let_chunks_pass(std::int32_t priority) {
  const PendingRequestPtr owner = planner_.chunks_request();
  if (owner == nullptr || owner->priority <= priority) return;
  Turns& from = active_[owner->priority];
  Turns& to = active_[priority];
  to.splice(to.end(), from, std::ranges::find(from, owner));
  owner->priority = priority;
}

bool Scheduler::has_ended(PendingRequest& request) const {
  if (request.whole->cancelled) request.fail(Status::kCancelled, "the request was cancelled");
  if (request.request.deadline && Clock::now() > *request.request.deadline) {
    request.fail(Status::kDeadlineExceeded, "the request's deadline passed before all documents were scored");
  }
  return request.failed() || request.all_planned();
}

Scheduler::Outcome Scheduler::plan_next(const PendingRequestPtr& request, PlannedBatch& planned) {
  if (has_ended(*request)) return Outcome::kEnded;
  if (planner_.is_full(planned)) return Outcome::kNoRoom;
  try {
    if (!encode_next(*request, options_.document_slice)) return Outcome::kTexts;
    const BatchPlanner::Outcome outcome = planner_.plan(request, planned);
    if (outcome == BatchPlanner::Outcome::kNoChunks) let_chunks_pass(request->priority);
    if (outcome != BatchPlanner::Outcome::kPlanned) return Outcome::kNoRoom;
  } catch (const std::exception& exception) {
    fail_for(*request, exception);
  }
  return request->failed() || request->all_planned() ? Outcome::kEnded : Outcome::kPlanned;
}

// Encodes the next document, for at most `most` in total; true once it is done.
bool Scheduler::encode_next(PendingRequest& request, std::chrono::nanoseconds most) const {
  if (request.next_document) return true;
  if (request.encoding_next > most) return false;
  Clock::time_point begin = Clock::now();
  if (!request.started) request.started = begin;
  if (request.encoding == nullptr) request.encoding = PromptEncoding::start(encoder_, request.request);
  if (request.shared != nullptr && !request.shared->covers(request.next)) request.shared.reset();
  bool is_done = false;
  while (!is_done && request.encoding_next <= most) {
    if (request.shared != nullptr) {
      if (request.next == request.documents.first)
        request.encoding->set_head(request.shared->head(), request.next);
      request.next_document = request.shared->take(request.next);
      is_done = true;
    } else {
      is_done = request.encoding->advance(request.next);
      if (is_done) request.next_document = request.encoding->take_document();
    }
    const Clock::time_point end = Clock::now();
    request.encoding_next += end - begin;
    request.tokenize += end - begin;
    begin = end;
  }
  if (is_done) request.encoding_next = {};
  return is_done;
}

// Continues encoding a text that was too long for fill_from: of the first request of the lowest priority,
// which then becomes the last. False if there is none.
bool Scheduler::encode_slow() {
  for (auto& [priority, turns] : active_) {
    const auto is_slow = [this](const auto& request) {
      return !request->next_document && request->encoding_next > options_.document_slice;
    };
    const auto slow = std::ranges::find_if(turns, is_slow);
    if (slow == turns.end()) continue;
    const PendingRequestPtr request = *slow;
    try {
      encode_next(*request, request->encoding_next + options_.planning_slice);
    } catch (const std::exception& exception) {
      fail_for(*request, exception);
    }
    if (!request->next_document) turns.splice(turns.end(), turns, slow);
    return true;
  }
  return false;
}

}  // namespace rerank
