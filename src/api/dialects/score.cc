// vLLM's score routes: pairs in, scores in the order of the request out.
#include <array>

#include "api/dialects/dialects.h"
#include "api/dialects/reply_writer.h"

namespace rerank::api {
namespace {

constexpr std::string_view kSummary = "Score pairs of texts, in their order";

constexpr std::array kRoutes = {
    Route{Method::kPost, "/score", Handler::kScore, kSummary},
    Route{Method::kPost, "/v1/score", Handler::kScore, kSummary},
};

void write(ReplyWriter& reply) {
  JsonWriter& json = reply.json();
  json.begin_object();
  reply.write_id("score");
  json.key("object").string("list");
  json.key("created").number(reply.stamp().created);
  json.key("model").string(reply.stamp().model);
  json.key("data").begin_array();
  for (const RankedDocument& document : reply.documents()) {
    reply.begin_document(document, "score");
    json.key("object").string("score");
    reply.end_document(document);
  }
  json.end_array();
  reply.begin_usage();
  json.key("completion_tokens").number(0);
  json.key("prompt_tokens_details").null();
  json.end_object();
  json.end_object();
}

}  // namespace

constinit const Dialect kScore = {
    .name = "score",
    .clients = "vLLM",
    .routes = kRoutes,
    .echo = Echo::kNever,
    .best_first = false,
    .reply = {"ScoreReply", R"({"type":"object","description":"In the order of the request.",
      "required":["id","object","created","model","data","usage"],"properties":{
        "id":{"type":"string"},"object":{"type":"string"},"created":{"type":"integer"},"model":{"type":"string"},
        "data":{"type":"array","items":{"type":"object","required":["index","object","score"],"properties":{
          "index":{"type":"integer"},"object":{"type":"string"},"score":{"type":"number"},
          "truncated":{"type":"boolean"}}}},
        "usage":{"$ref":"#/components/schemas/Usage"}}})"},
    .write = write,
};

}  // namespace rerank::api
