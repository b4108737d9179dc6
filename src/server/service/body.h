// Decompresses the body of a request.
#pragma once

#include <cstddef>
#include <string>

#include "api/json/allowance.h"
#include "server/http/http_message.h"

namespace rerank {

bool is_compressed(const HttpRequest& request);

// Replaces a gzip body by its content, whose memory is taken from `allowance` first. Returns false and
// changes nothing if that is more than `max_bytes`. Throws api::ApiError with 415 or 400, and what
// `allowance` throws.
bool inflate_body(HttpRequest& request, std::size_t max_bytes, api::Allowance& allowance);

}  // namespace rerank
