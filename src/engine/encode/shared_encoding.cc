#include "engine/encode/shared_encoding.h"

#include <utility>

#include "engine/encode/request_queries.h"

namespace rerank {
namespace {

// What one thread encodes in once or twice the time that another takes to wake up.
constexpr std::size_t kLeastBytes = 8192;
constexpr std::size_t kBytesOfToken = 6;  // at most, in most texts
// The planner waits for a text, or encodes it, without interruption.
constexpr std::size_t kMostBytesOfText = 40000;

}  // namespace

SharedEncoding::SharedEncoding(std::shared_ptr<const SubmittedRequest> submitted,
                               const RequestEncoder& encoder, DocumentRange documents)
    : submitted_(std::move(submitted)),
      encoder_(encoder),
      documents_(documents),
      next_(documents.first),
      slots_(documents.end - documents.first) {}

void SharedEncoding::encode_head() {
  std::call_once(head_begun_, [this] {
    try {
      head_ = encoder_.encode_head(submitted_->request, documents_.first);
    } catch (...) {
      head_error_ = std::current_exception();
      next_ = documents_.end;
    }
  });
}

// False if none is left. REQUIRES: encode_head returned without an error.
bool SharedEncoding::encode_next() {
  const std::size_t document = next_.fetch_add(1, std::memory_order_relaxed);
  if (document >= documents_.end) return false;
  Slot& slot = slot_of(document);
  try {
    slot.encoded = encoder_.encode_document(submitted_->request, document, head_);
  } catch (...) {
    slot.error = std::current_exception();
    // All documents before it are started, and those after it are not needed.
    next_ = documents_.end;
  }
  slot.is_done.store(true, std::memory_order_release);
  slot.is_done.notify_one();
  return true;
}

void SharedEncoding::help() {
  encode_head();
  while (!head_error_ && !submitted_->cancelled && encode_next()) {
  }
}

EncodedHead SharedEncoding::head() {
  encode_head();
  if (head_error_) std::rethrow_exception(head_error_);
  return head_;
}

EncodedDocument SharedEncoding::take(std::size_t document) {
  encode_head();
  if (head_error_) std::rethrow_exception(head_error_);
  Slot& slot = slot_of(document);
  while (!slot.is_done.load(std::memory_order_acquire)) {
    if (!encode_next()) slot.is_done.wait(false, std::memory_order_acquire);
  }
  if (slot.error) std::rethrow_exception(slot.error);
  return std::move(slot.encoded);
}

std::optional<DocumentRange> worth_sharing(const Request& request, DocumentRange part,
                                           std::int32_t max_tokens, std::int32_t max_documents) {
  const std::size_t most_bytes = kBytesOfToken * static_cast<std::size_t>(max_tokens);
  const std::size_t most_documents = static_cast<std::size_t>(max_documents);
  DocumentRange first{part.first, part.first};
  std::size_t num_bytes = 0;
  const bool is_short_head =
      part.first < part.end &&
      query_of(request, part.first).size() + request.instruction.size() <= kMostBytesOfText;
  while (is_short_head && first.end < part.end && request.documents[first.end].size() <= kMostBytesOfText &&
         first.end - first.first < most_documents && num_bytes < most_bytes &&
         have_same_query(request, part.first, first.end)) {
    num_bytes += request.documents[first.end++].size();
  }
  if (first.end - first.first < 2 || num_bytes < kLeastBytes) return std::nullopt;
  return first;
}

}  // namespace rerank
