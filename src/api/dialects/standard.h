// The parts of the standard reply, for the dialects that extend it.
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
          "description":"The same again, only if top_k or truncation was sent (Voyage)."}}})"};

struct StandardFrame {
  std::string_view object;  // the value of the member of that name; empty: without it
  std::string_view cohere_version = "1";
};

// All members before the results.
void write_standard_frame(ReplyWriter& reply, const StandardFrame& frame = {});

// The list of documents, with texts as strings or as {"text": ...}.
void write_results(ReplyWriter& reply, std::string_view name, bool texts_are_strings);

}  // namespace rerank::api
