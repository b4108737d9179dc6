// What an Error says that is expected. For tests only.
#pragma once

#include <functional>
#include <string>

#include "rerank/error.h"

namespace rerank {

// The message of the Error that `action` throws; "no error" when it throws none. One of ours is marked as
// such. Any other exception passes through.
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.code() == ErrorCode::kInternal ? std::string("internal: ") + error.what() : error.what();
  }
  return "no error";
}

}  // namespace rerank
