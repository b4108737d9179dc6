// Weaviate's reranker module: a query and a "property", scores in the order of the request.
#include <array>

#include "api/dialects/dialects.h"
#include "api/dialects/reply_writer.h"

namespace rerank::api {
namespace {

constexpr std::array kSelectors = {Field::kProperty};

void write(ReplyWriter& reply) {
  JsonWriter& json = reply.json();
  json.begin_object().key("scores").begin_array();
  for (const RankedDocument& document : reply.documents()) {
    json.begin_object();
    reply.write_text("document", document);
    json.key("score").real(document.value);
    reply.end_document(document);
  }
  json.end_array().end_object();
}

}  // namespace

constinit const Dialect kWeaviate = {
    .name = "weaviate",
    .clients = "Weaviate",
    .selectors = kSelectors,
    .echo = Echo::kAlways,
    .best_first = false,
    .error_style = ErrorStyle::kString,
    .reply = {"WeaviateReply",
              R"({"type":"object","description":"If property was sent. In the order of the request.",
      "required":["scores"],"properties":{"scores":{"type":"array","items":{"type":"object",
        "required":["document","score"],"properties":{"document":{"type":"string"},"score":{"type":"number"},
          "truncated":{"type":"boolean"}}}}}})"},
    .write = write,
    .documented_request = "has `property`",
    .documented_reply = R"(Weaviate: `{"scores": [{"document", "score"}]}`, in the order of the request)",
};

}  // namespace rerank::api
