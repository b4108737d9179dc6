#include "server/service/body.h"

#include <fmt/format.h>

#include <utility>

#include "api/api_error.h"
#include "base/ascii.h"
#include "base/shown_text.h"
#include "server/service/gzip.h"

namespace rerank {

bool is_compressed(const HttpRequest& request) {
  const std::string_view encoding = request.header("Content-Encoding");
  return !encoding.empty() && !equal_in_any_case(encoding, "identity");
}

bool inflate_body(HttpRequest& request, std::size_t max_bytes, api::Allowance& allowance) {
  if (!is_compressed(request)) return true;
  const std::string_view encoding = request.header("Content-Encoding");
  if (!equal_in_any_case(encoding, "gzip") && !equal_in_any_case(encoding, "x-gzip")) {
    throw api::ApiError(
        415, fmt::format("Content-Encoding {} is not supported; use gzip or none", shown_text(encoding)));
  }
  std::string inflated;
  switch (inflate_gzip(request.body, max_bytes, inflated, allowance)) {
    case InflateOutcome::kDone:
      break;
    case InflateOutcome::kTooLarge:
      return false;
    case InflateOutcome::kBroken:
      throw api::ApiError(400, "the gzip body is invalid or incomplete");
  }
  request.body.swap(inflated);
  allowance.give_back(inflated.capacity());
  return true;
}

}  // namespace rerank
