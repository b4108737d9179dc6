// The text of a request's body as the client meant it, whatever encoding it was sent in.
#pragma once

#include <string>

#include "server/http_message.h"

namespace rerank {

bool is_compressed(const HttpRequest& request);

// Replaces a gzip body by what it holds, at most `max_bytes`. Throws api::ApiError: 413, 415 or 400.
void inflate_body(HttpRequest& request, std::size_t max_bytes);

}  // namespace rerank
