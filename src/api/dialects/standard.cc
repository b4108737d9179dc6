#include "api/dialects/standard.h"

#include <array>

#include "api/dialects/dialects.h"

namespace rerank::api {
namespace {

constexpr std::string_view kSummary = "Rank documents by their relevance to a query";

constexpr std::array kRoutes = {
    Route{Method::kPost, "/rerank", Handler::kRerank, kSummary},
    Route{Method::kPost, "/v1/rerank", Handler::kRerank, kSummary},
    Route{Method::kPost, "/reranking", Handler::kRerank, kSummary},
    Route{Method::kPost, "/v1/reranking", Handler::kRerank, kSummary},
    Route{Method::kPost, "/v1/ranking", Handler::kRerank, kSummary},
    Route{Method::kPost, "/v1/retrieval/{model}/reranking", Handler::kRerank, kSummary},
};

void write(ReplyWriter& reply) {
  reply.json().begin_object();
  write_standard_frame(reply);
  write_results(reply, "results", /*texts_are_strings=*/false);
  reply.json().end_object();
}

}  // namespace

void write_standard_frame(ReplyWriter& reply, const StandardFrame& frame) {
  JsonWriter& json = reply.json();
  reply.write_id("rerank");
  if (!frame.object.empty()) json.key("object").string(frame.object);
  json.key("model").string(reply.stamp().model);
  json.key("created").number(reply.stamp().created);
  reply.write_usage();
  reply.write_meta(frame.cohere_version);
}

void write_results(ReplyWriter& reply, std::string_view name, bool texts_are_strings) {
  JsonWriter& json = reply.json();
  json.key(name).begin_array();
  for (const RankedDocument& document : reply.documents()) {
    reply.begin_document(document, "relevance_score");
    if (texts_are_strings) {
      reply.write_text("document", document);
    } else if (reply.has_text(document)) {
      json.key("document").begin_object();
      reply.write_text("text", document);
      json.end_object();
    }
    reply.end_document(document);
  }
  json.end_array();
}

constinit const Dialect kStandard = {
    .name = "standard",
    .clients = "Cohere 1, Jina, vLLM and Xinference",
    .routes = kRoutes,
    .reply = kStandardReply,
    .write = write,
    .documented_request = "anything else",
    .documented_reply =
        R"(standard: `{"id", "model", "created", "usage", "meta", "results": [{"index", "relevance_score", "document": {"text"}}]}`)",
};

}  // namespace rerank::api
