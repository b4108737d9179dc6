// Mixedbread: documents in "input", results in "data".
#include <array>

#include "api/dialects/dialects.h"
#include "api/dialects/reply_writer.h"

namespace rerank::api {
namespace {

constexpr std::array kSelectors = {Field::kInput};

void write(ReplyWriter& reply) {
  JsonWriter& json = reply.json();
  json.begin_object();
  json.key("object").string("list");
  json.key("model").string(reply.stamp().model);
  reply.write_usage();
  json.key("data").begin_array();
  for (const RankedDocument& document : reply.documents()) {
    reply.begin_document(document, "score");
    reply.write_text("input", document);
    json.key("object").string("rank_result");
    reply.end_document(document);
  }
  json.end_array();
  json.key("top_k").number(static_cast<std::int64_t>(reply.documents().size()));
  json.key("return_input").boolean(reply.call().wants_documents);
  json.end_object();
}

}  // namespace

constinit const Dialect kMixedbread = {
    .name = "mixedbread",
    .clients = "Mixedbread",
    .selectors = kSelectors,
    .documents = Field::kInput,
    .echo = Echo::kOnRequest,
    .reply = {"MixedbreadReply",
              R"({"type":"object","description":"If input was sent. Highest score first.",
      "required":["object","model","usage","data","top_k","return_input"],"properties":{
        "object":{"type":"string"},"model":{"type":"string"},"usage":{"$ref":"#/components/schemas/Usage"},
        "data":{"type":"array","items":{"type":"object","required":["index","score","object"],"properties":{
          "index":{"type":"integer"},"score":{"type":"number"},"input":{"type":"string"},
          "object":{"type":"string"},"truncated":{"type":"boolean"}}}},
        "top_k":{"type":"integer"},"return_input":{"type":"boolean"}}})"},
    .write = write,
    .documented_request = "has `input`",
    .documented_reply =
        R"(Mixedbread: `{"object": "list", "data": [{"index", "score", "input"?, "object"}], ...}`)",
};

}  // namespace rerank::api
