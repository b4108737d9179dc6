// Errors of requests: HTTP status, message, and the body in the format that the client reads.
#pragma once

#include <chrono>
#include <cstddef>
#include <exception>
#include <optional>
#include <string>
#include <string_view>

#include "rerank/error.h"
#include "rerank/types.h"

namespace rerank::api {

// Clients of TEI and Weaviate need "error" to be a string; all others read an object, or one of the two
// copies of its message.
enum class ErrorStyle { kObject, kString };

class ApiError : public Error {
 public:
  ApiError(int status, const std::string& message, std::string_view param = {});

  int status() const { return status_; }               // of HTTP; 499: the client has disconnected
  const std::string& param() const { return param_; }  // the field that is wrong; empty: none
  std::string_view type() const;                       // such as "BadRequestError"; depends on the status
  ErrorStyle style() const { return style_; }
  // For the header Retry-After.
  std::optional<std::chrono::seconds> retry_after() const { return retry_after_; }

  ApiError& set_style(ErrorStyle style);
  ApiError& set_retry_after(std::chrono::seconds wait);

 private:
  int status_;
  std::string param_;
  ErrorStyle style_ = ErrorStyle::kObject;
  std::optional<std::chrono::seconds> retry_after_;
};

ApiError unknown_route(std::string_view method, std::string_view path,
                       int status);  // status: RouteMatch::status
ApiError unauthorized();
ApiError unknown_model(std::string_view model);
ApiError body_too_large(std::size_t max_body_bytes);
ApiError queue_full(std::chrono::seconds wait);
// All requests together use the memory limit: retry. And: this request alone exceeds it.
ApiError memory_full(std::chrono::seconds wait);
ApiError memory_too_small(std::size_t max_bytes);

int status_of(Status status);  // of HTTP

// Of any exception: an ApiError unchanged, an Error by its code; the message of an internal error is only for
// the log.
ApiError error_of(const std::exception& caught);

// The reply's JSON.
std::string write_error(const ApiError& error);

}  // namespace rerank::api
