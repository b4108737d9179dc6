// Infinity: under /infinity, documents in "results" as plain strings.
#include <array>

#include "api/dialects/dialects.h"
#include "api/dialects/standard.h"

namespace rerank::api {
namespace {

constexpr std::string_view kSummary = "Rank documents, returning their texts as strings";

constexpr std::array kRoutes = {
    Route{Method::kPost, "/infinity/rerank", Handler::kRerank, kSummary},
    Route{Method::kPost, "/infinity/v1/rerank", Handler::kRerank, kSummary},
    Route{Method::kGet, "/infinity/models", Handler::kModels, kModelsSummary},
    Route{Method::kGet, "/infinity/v1/models", Handler::kModels, kModelsSummary},
    Route{Method::kGet, "/infinity/health", Handler::kHealth, kHealthSummary},
};

void write(ReplyWriter& reply) {
  reply.json().begin_object();
  write_standard_frame(reply, "rerank");
  write_results(reply, "results", /*texts_are_strings=*/true);
  reply.json().end_object();
}

}  // namespace

constinit const Dialect kInfinity = {
    .name = "infinity",
    .clients = "Infinity",
    .routes = kRoutes,
    .model_owner = "infinity",  // the only value that its client accepts
    .reply = kStandardReply,
    .write = write,
    .documented_request = "came to `/infinity/...`",
    .documented_reply = R"(the standard one with `"object": "rerank"`, and each `document` a string)",
};

}  // namespace rerank::api
