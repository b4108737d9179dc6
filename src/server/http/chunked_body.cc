#include "server/http/chunked_body.h"

#include <algorithm>
#include <limits>

#include "base/ascii.h"

namespace rerank {
namespace {

bool is_blank(char letter) {
  return letter == ' ' || letter == '\t';
}

}  // namespace

ChunkedBody::Step ChunkedBody::take(std::string_view bytes) {
  Step step;
  while (step.consumed < bytes.size() && state_ != State::kDone && !fault_) {
    if (state_ == State::kData) {
      const std::size_t count = std::min<std::uint64_t>(size_, bytes.size() - step.consumed);
      step.data = bytes.substr(step.consumed, count);
      step.consumed += count;
      size_ -= count;
      if (size_ == 0) state_ = State::kDataReturn;
      return step;
    }
    state_ = after(bytes[step.consumed++]);
  }
  return step;
}

ChunkedBody::State ChunkedBody::fail(int status, const char* message) {
  fault_ = RequestFault{status, message};
  return state_;
}

ChunkedBody::State ChunkedBody::after(char letter) {
  switch (state_) {
    case State::kDataReturn:
      return letter == '\r' ? State::kDataNewline : fail(400, "a chunk is longer than its size");
    case State::kDataNewline:
      num_head_bytes_ = 0;
      return letter == '\n' ? State::kSize : fail(400, "a chunk is longer than its size");
    case State::kTrailer:
    case State::kTrailerName:
    case State::kTrailerValue:
    case State::kTrailerNewline:
    case State::kLastNewline:
      return after_trailer_letter(letter);
    default:
      return after_head_letter(letter);
  }
}

ChunkedBody::State ChunkedBody::after_head_letter(char letter) {
  if (++num_head_bytes_ > kMaxChunkHeadBytes) return fail(400, "a chunk's size and extensions are too long");
  if (state_ == State::kSizeNewline) {
    return letter == '\n' ? begin_data() : fail(400, "a chunk's size does not end with CRLF");
  }
  if (state_ == State::kExtension) {
    if (letter == '\r') return State::kSizeNewline;
    return is_text_letter(letter) ? state_ : fail(400, "a chunk's extension contains a control character");
  }
  if (state_ == State::kSize || state_ == State::kSizeDigits) {
    if (const int digit = hex_digit(letter); digit >= 0) {
      if (state_ == State::kSize) size_ = 0;
      constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max() >> 4;
      if (size_ > kMost) return fail(400, "a chunk's size does not fit into 64 bits");
      size_ = (size_ << 4) | static_cast<std::uint64_t>(digit);
      return State::kSizeDigits;
    }
    if (state_ == State::kSizeDigits && letter == '\r') return State::kSizeNewline;
  }
  if (state_ != State::kSize && letter == ';') return State::kExtension;
  if (state_ != State::kSize && is_blank(letter)) return State::kBeforeSemicolon;
  return fail(400, "a chunk does not begin with its size");
}

ChunkedBody::State ChunkedBody::begin_data() {
  if (size_ == 0) return State::kTrailer;
  if (size_ > left_bytes_) return fail(413, "the chunked body exceeds the size limit");
  left_bytes_ -= size_;
  return State::kData;
}

// Trailers are validated and discarded: nothing here uses them, and they must not add fields.
ChunkedBody::State ChunkedBody::after_trailer_letter(char letter) {
  if (++num_trailer_bytes_ > max_trailer_bytes_) return fail(431, "the request's trailers are too long");
  switch (state_) {
    case State::kTrailer:
      if (letter == '\r') return State::kLastNewline;
      [[fallthrough]];
    case State::kTrailerName:
      if (is_token_letter(letter)) return State::kTrailerName;
      if (state_ == State::kTrailerName && letter == ':') return State::kTrailerValue;
      return fail(400, "what follows the last chunk is not a valid trailer");
    case State::kTrailerValue:
      if (letter == '\r') return State::kTrailerNewline;
      return is_text_letter(letter) ? state_ : fail(400, "a trailer contains a control character");
    case State::kTrailerNewline:
      return letter == '\n' ? State::kTrailer : fail(400, "a trailer does not end with CRLF");
    default:
      return letter == '\n' ? State::kDone : fail(400, "the body does not end with CRLF");
  }
}

}  // namespace rerank
