// Decodes a chunked body (RFC 9112, 7.1). It stores none of the framing, so that chunk headers, extensions
// and trailers of any length cost no memory.
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

  // `max_bytes`: of data in total.
  ChunkedBody(std::uint64_t max_bytes, std::size_t max_trailer_bytes)
      : left_bytes_(max_bytes), max_trailer_bytes_(max_trailer_bytes) {}

  struct Step {
    std::size_t consumed = 0;  // of the given bytes, including `data`
    std::string_view data;     // of the body; may be empty
  };
  // Consumes framing up to the next piece of data, and that piece. REQUIRES: not done, no fault.
  Step take(std::string_view bytes);

  bool is_done() const { return state_ == State::kDone; }
  const std::optional<RequestFault>& fault() const { return fault_; }
  // Whether the fault is that the data exceed `max_bytes`.
  bool is_too_large() const { return fault_ && fault_->status == 413; }

 private:
  // What is expected next.
  enum class State {
    kSize,             // the first digit
    kSizeDigits,       // another digit, or the end of the size
    kBeforeSemicolon,  // after whitespace
    kExtension,
    kSizeNewline,  // after a CR
    kData,
    kDataReturn,
    kDataNewline,
    kTrailer,  // the first character of a line
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
  std::uint64_t left_bytes_;  // still allowed for the rest of the body
  std::size_t max_trailer_bytes_;
  std::uint64_t size_ = 0;          // of the chunk, then what remains of it
  std::size_t num_head_bytes_ = 0;  // of this chunk's header
  std::size_t num_trailer_bytes_ = 0;
  std::optional<RequestFault> fault_;
};

}  // namespace rerank
