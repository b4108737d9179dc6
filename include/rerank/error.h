// The one exception of the library and the two ways to raise it. Outcomes that are part of normal service
// (queue full, cancelled, deadline passed) are values, see types.h, not exceptions.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

namespace rerank {

enum class ErrorCode {
  kInvalidArgument,  // the caller's value is wrong; the message names it and says what to do
  kNotFound,         // a model, file or tensor that was named does not exist
  kUnsupported,      // well formed, but not something this program can do right
  kUnavailable,      // the engine is shutting down or its device failed
  kInternal,         // our mistake; the message carries file and line
};

// Default visibility, so that an Error thrown inside a module with hidden symbols is caught outside it.
class __attribute__((visibility("default"))) Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}
  ErrorCode code() const { return code_; }

 private:
  ErrorCode code_;
};

// Throws Error{code, message} unless `condition` holds. For what a caller or a file got wrong: the text is
// shown to people, so it names the field, file or flag and the way out. Build costly messages behind an `if`
// instead.
inline void require(bool condition, std::string_view message, ErrorCode code = ErrorCode::kInvalidArgument) {
  if (!condition) throw Error(code, std::string(message));
}

// Throws Error{kInternal} with file and line unless `condition` holds. For what only a bug of ours can break.
inline void check(bool condition, std::string_view message, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  if (!condition) {
    throw Error(ErrorCode::kInternal, std::string(message) + " (" + file + ":" + std::to_string(line) + ")");
  }
}

}  // namespace rerank
