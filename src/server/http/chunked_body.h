// Takes the framing off a chunked body (RFC 9112, 7.1). It holds nothing of what passes, so that no chunk's
// head, extension or trailer can cost memory, however long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "server/http/request_head.h"

namespace rerank {

// Not safe from several threads at once.
class ChunkedBody {
 public:
  static constexpr std::size_t kMaxChunkHeadBytes = std::size_t{4} << 10;  // a size with its extensions

  // `max_bytes` of data in all.
  ChunkedBody(std::uint64_t max_bytes, std::size_t max_trailer_bytes)
      : left_bytes_(max_bytes), max_trailer_bytes_(max_trailer_bytes) {}

  struct Step {
    std::size_t consumed = 0;  // of the bytes given, `data` among them
    std::string_view data;     // of the body; may be empty
  };
  // Takes framing up to the next piece of data, and that. REQUIRES: it is not done and has no fault.
  Step take(std::string_view bytes);

  bool is_done() const { return state_ == State::kDone; }
  const std::optional<RequestFault>& fault() const { return fault_; }
  // The fault is that the data are more than `max_bytes`.
  bool is_too_large() const { return fault_ && fault_->status == 413; }

 private:
  // What is expected next.
  enum class State {
    kSize,             // the first digit
    kSizeDigits,       // another one, or what ends them
    kBeforeSemicolon,  // blanks were there
    kExtension,
    kSizeNewline,  // a CR was there
    kData,
    kDataReturn,
    kDataNewline,
    kTrailer,  // a line's first letter
    kTrailerName,
    kTrailerValue,
    kTrailerNewline,
    kLastNewline,
    kDone,
  };

  State after(char letter);
  State after_head_letter(char letter);
  State after_trailer_letter(char letter);
  State begin_data();
  State fail(int status, const char* message);

  State state_ = State::kSize;
  std::uint64_t left_bytes_;  // that the rest of the body may have
  std::size_t max_trailer_bytes_;
  std::uint64_t size_ = 0;          // of the chunk, then what is to come of it
  std::size_t num_head_bytes_ = 0;  // of this chunk's head
  std::size_t num_trailer_bytes_ = 0;
  std::optional<RequestFault> fault_;
};

}  // namespace rerank
