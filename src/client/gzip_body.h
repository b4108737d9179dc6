// Compresses the body of a request.
#pragma once

#include <string>
#include <string_view>

namespace rerank::client {

// REQUIRES: less than 4 GiB.
std::string gzip_body(std::string_view body);

}  // namespace rerank::client
