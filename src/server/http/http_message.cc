#include "server/http/http_message.h"

#include <algorithm>

#include "base/ascii.h"

namespace rerank {
std::string_view HttpRequest::header(std::string_view name) const {
  for (const HttpHeader& candidate : headers) {
    if (equal_in_any_case(candidate.name, name)) return candidate.value;
  }
  return {};
}

HttpRequest HttpRequest::copy_head() const {
  HttpRequest copy;
  copy.method = method;
  copy.target = target;
  copy.headers = headers;
  copy.peer = peer;
  copy.received = received;
  return copy;
}

std::string_view reason_phrase(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 204:
      return "No Content";
    case 304:
      return "Not Modified";
    case 400:
      return "Bad Request";
    case 401:
      return "Unauthorized";
    case 403:
      return "Forbidden";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 422:
      return "Unprocessable Content";
    case 424:
      return "Failed Dependency";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "";
  }
}

}  // namespace rerank
