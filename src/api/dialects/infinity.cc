// Infinity: under /infinity, documents on request and as plain strings.
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
  write_standard_frame(reply, {.object = "rerank"});
  write_results(reply, "results", /*texts_are_strings=*/true);
  reply.json().end_object();
}

}  // namespace

constinit const Dialect kInfinity = {
    .name = "infinity",
    .clients = "Infinity",
    .routes = kRoutes,
    .echo = Echo::kOnRequest,
    .activation = Activation::kSigmoid,  // inference/batch_handler.py, rerank
    .model_owner = "infinity",           // the only value that its client accepts
    .reply = kStandardReply,
    .write = write,
    .documented_request = "came to `/infinity/...`",
    .documented_reply =
        R"(the standard one with `"object": "rerank"`, and a `document`, a string, only if `return_documents` is true)",
};

}  // namespace rerank::api
