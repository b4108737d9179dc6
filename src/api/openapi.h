// The OpenAPI 3.1 document, generated from the tables that the server routes and parses with.
#pragma once

#include <string>

namespace rerank::api {

// JSON; generated once.
const std::string& openapi_document();

}  // namespace rerank::api
