// The one exception of the library and the two ways to raise it. Outcomes that are part of normal service
// (cancelled, deadline exceeded) are values, see types.h, not exceptions.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace rerank {

enum class ErrorCode {
  kInvalidArgument,  // a value of the caller's is wrong; the message names it and says what to do
  kNotFound,         // a model, file or tensor does not exist
  kUnsupported,      // well-formed, but not supported by this program
  kUnavailable,      // the engine is shutting down or its device failed
  kInternal,         // a bug; the message contains file and line
};

// A prompt that exceeds a limit on its tokens.
struct __attribute__((visibility("default"))) PromptTooLong {
  std::int32_t num_tokens = 0;  // of the text at fault and the prompt around it
  bool is_exact = true;         // false: more than `limit`, not counted further
  std::int32_t limit = 0;
  bool is_limit_of_request = false;  // Request::max_tokens_per_pair; otherwise EngineOptions::max_model_len
};

// What an error is about, for programs that name it in their own words.
struct __attribute__((visibility("default"))) ErrorSubject {
  std::string member;                // of EngineOptions or Request, whose value is wrong; empty: none
  std::optional<std::size_t> index;  // of the element, where the member is a list
  std::optional<PromptTooLong> too_long;

  // "max_model_len", "documents[3]".
  std::string text() const { return index ? member + "[" + std::to_string(*index) + "]" : member; }
};

// Default visibility, so that an Error thrown in a module with hidden symbols can be caught outside of it.
class __attribute__((visibility("default"))) Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message)
      : std::runtime_error(message), code_(code), reason_(message) {}
  // The message is "SUBJECT: REASON". REQUIRES: subject.member is not empty.
  Error(ErrorCode code, ErrorSubject subject, const std::string& reason)
      : std::runtime_error(subject.text() + ": " + reason),
        code_(code),
        subject_(std::move(subject)),
        reason_(reason) {}

  ErrorCode code() const { return code_; }
  const ErrorSubject& subject() const { return subject_; }
  // The message without the subject.
  const std::string& reason() const { return reason_; }

 private:
  ErrorCode code_;
  ErrorSubject subject_;
  std::string reason_;
};

// Throws Error{code, message} unless `condition` holds. For mistakes of a caller or in a file: people read
// the message, so it names the field, file or flag and says what to do. Use an `if` instead where the message
// is costly to build.
inline void require(bool condition, std::string_view message, ErrorCode code = ErrorCode::kInvalidArgument) {
  if (!condition) throw Error(code, std::string(message));
}

// Throws Error{kInternal} with file and line unless `condition` holds. For what only a bug can break.
inline void check(bool condition, std::string_view message, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  if (!condition) {
    throw Error(ErrorCode::kInternal, std::string(message) + " (" + file + ":" + std::to_string(line) + ")");
  }
}

}  // namespace rerank
