// The text of a request's body as the client meant it, whatever encoding it was sent in.
#pragma once

#include <cstddef>
#include <string>

#include "api/json/allowance.h"
#include "server/http/http_message.h"

namespace rerank {

bool is_compressed(const HttpRequest& request);

// Replaces a gzip body by what it holds; `allowance` is asked for that first. False, and nothing changed,
// where that is more than `max_bytes`. Throws api::ApiError: 415 or 400, and what `allowance` throws.
bool inflate_body(HttpRequest& request, std::size_t max_bytes, api::Allowance& allowance);

}  // namespace rerank
