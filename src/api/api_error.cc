#include "api/api_error.h"

#include <fmt/format.h>

#include <array>

#include "base/shown_text.h"
#include "text/json_writer.h"

namespace rerank::api {
namespace {

struct StatusWords {
  int status;
  std::string_view type;      // in the replies of vLLM and OpenAI
  std::string_view tei_type;  // in those of TEI
};

constexpr std::array kStatusWords = {
    StatusWords{400, "BadRequestError", "Validation"},
    StatusWords{401, "AuthenticationError", "Validation"},
    StatusWords{404, "NotFoundError", "Validation"},
    StatusWords{405, "MethodNotAllowedError", "Validation"},
    StatusWords{408, "RequestTimeoutError", "Validation"},
    StatusWords{413, "RequestTooLargeError", "Validation"},
    StatusWords{414, "UriTooLongError", "Validation"},
    StatusWords{415, "UnsupportedMediaTypeError", "Validation"},
    StatusWords{429, "RateLimitError", "Overloaded"},
    StatusWords{431, "RequestHeaderFieldsTooLargeError", "Validation"},
    StatusWords{499, "ClientClosedRequestError", "Validation"},
    StatusWords{500, "InternalServerError", "Backend"},
    StatusWords{501, "NotImplementedError", "Validation"},
    StatusWords{503, "ServiceUnavailableError", "Unhealthy"},
    StatusWords{504, "GatewayTimeoutError", "Backend"},
    StatusWords{505, "HttpVersionNotSupportedError", "Validation"},
};

const StatusWords& words_of(int status) {
  for (const StatusWords& words : kStatusWords) {
    if (words.status == status) return words;
  }
  return status < 500 ? kStatusWords.front() : words_of(500);
}

ErrorCode code_of(int status) {
  switch (status) {
    case 404:
      return ErrorCode::kNotFound;
    case 429:
    case 503:
    case 504:
      return ErrorCode::kUnavailable;
    case 500:
      return ErrorCode::kInternal;
    default:
      return ErrorCode::kInvalidArgument;
  }
}

int status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnsupported:
      return 400;
    case ErrorCode::kNotFound:
      return 404;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

}  // namespace

ApiError::ApiError(int status, const std::string& message, std::string_view param)
    : Error(code_of(status), message), status_(status), param_(param) {}

std::string_view ApiError::type() const {
  return words_of(status_).type;
}

ApiError& ApiError::set_style(ErrorStyle style) {
  style_ = style;
  return *this;
}

ApiError& ApiError::set_retry_after(std::chrono::seconds wait) {
  retry_after_ = wait;
  return *this;
}

ApiError unknown_route(std::string_view method, std::string_view path, int status) {
  return {status, status == 405
                      ? fmt::format("{} is not a method of {}; the header Allow lists them",
                                    shown_text(method), shown_text(path))
                      : fmt::format("There is no route {}; /docs lists all routes", shown_text(path))};
}

ApiError unauthorized() {
  return {401, "The API key is missing or wrong: send it as \"Authorization: Bearer KEY\""};
}

ApiError unknown_model(std::string_view model) {
  return {404, fmt::format("The model `{}` does not exist.", shown_text(model)), "model"};
}

ApiError body_too_large(std::size_t max_body_bytes) {
  return {413, fmt::format("The body exceeds the limit of {} bytes for a request; send fewer documents",
                           max_body_bytes)};
}

ApiError queue_full(std::chrono::seconds wait) {
  ApiError error(429, fmt::format("Too much work is queued; try again in {} s", wait.count()));
  error.set_retry_after(wait);
  return error;
}

ApiError memory_full(std::chrono::seconds wait) {
  ApiError error(429,
                 fmt::format("The requests in progress use all the memory of --max-buffered-bytes; try again "
                             "in {} s",
                             wait.count()));
  error.set_retry_after(wait);
  return error;
}

ApiError memory_too_small(std::size_t max_bytes) {
  return {413, fmt::format("This request needs more memory than the {} bytes of --max-buffered-bytes; send "
                           "fewer or shorter texts",
                           max_bytes)};
}

int status_of(Status status) {
  switch (status) {
    case Status::kInvalidArgument:
      return 400;
    case Status::kCancelled:
      return 499;
    case Status::kDeadlineExceeded:
      return 504;
    case Status::kUnavailable:
      return 503;
    case Status::kOk:
      break;
  }
  return 500;
}

ApiError error_of(const std::exception& caught) {
  if (const auto* error = dynamic_cast<const ApiError*>(&caught); error != nullptr) return *error;
  const auto* error = dynamic_cast<const Error*>(&caught);
  const int status = error == nullptr ? 500 : status_of(error->code());
  if (status == 500) return {500, "The server failed to process this request; the reason is in its log"};
  return {status, error->what()};
}

std::string write_error(const ApiError& error) {
  JsonWriter json;
  json.begin_object();
  if (error.style() == ErrorStyle::kString) {
    json.key("error").string(error.what());
    json.key("error_type").string(words_of(error.status()).tei_type);
  } else {
    json.key("error").begin_object();
    json.key("message").string(error.what());
    json.key("type").string(error.type());
    if (error.param().empty()) {
      json.key("param").null();
    } else {
      json.key("param").string(error.param());
    }
    json.key("code").number(error.status());
    json.end_object();
    json.key("message").string(error.what());
    json.key("detail").string(error.what());
  }
  json.end_object();
  return json.take();
}

}  // namespace rerank::api
