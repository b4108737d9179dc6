// The JSON Schemas of replies, by name, except the replies of dialects, which are in dialects/. Those of
// requests are generated from request_fields.h.
#pragma once

#include <span>
#include <string_view>

namespace rerank::api {

struct NamedSchema {
  std::string_view name;
  std::string_view schema;  // JSON
};

std::span<const NamedSchema> reply_schemas();

}  // namespace rerank::api
