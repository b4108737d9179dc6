// The contract as a document: OpenAPI 3.1, made from the tables that dispatch and parsing use.
#pragma once

#include <string>

namespace rerank::api {

// JSON; made once, the same for the life of the process.
const std::string& openapi_document();

}  // namespace rerank::api
