// The parts of the standard reply, which the dialects that extend it write too.
#pragma once

#include <string_view>

#include "api/dialects/reply_writer.h"
#include "api/openapi_schemas.h"

namespace rerank::api {

inline constexpr NamedSchema kStandardReply = {
    "RerankReply",
    R"({"type":"object","description":"Highest score first, equal ones in the order of the request.",
      "required":["id","model","created","usage","meta","results"],"properties":{
        "id":{"type":"string"},"object":{"type":"string","description":"Only under /infinity."},
        "model":{"type":"string"},"created":{"type":"integer"},
        "usage":{"$ref":"#/components/schemas/Usage"},
        "meta":{"type":"object","required":["api_version","billed_units","tokens"]},
        "results":{"type":"array","items":{"$ref":"#/components/schemas/RerankResult"}},
        "data":{"type":"array","items":{"$ref":"#/components/schemas/RerankResult"},
          "description":"The same once more, only where top_k or truncation was sent (Voyage)."}}})"};

// All members in front of the results. `object`: the member of that name; empty: none.
void write_standard_frame(ReplyWriter& reply, std::string_view object = {});

// A list of documents under `name`, their texts as strings or as {"text": ...}.
void write_results(ReplyWriter& reply, std::string_view name, bool texts_are_strings);

}  // namespace rerank::api
