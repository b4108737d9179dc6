// Cohere's second version: under /v2, the standard reply with documents on request. Its first is a part of
// the standard dialect, since nothing tells its requests from those of Jina and vLLM.
#include <array>

#include "api/dialects/dialects.h"
#include "api/dialects/standard.h"

namespace rerank::api {
namespace {

constexpr std::array kRoutes = {
    Route{Method::kPost, "/v2/rerank", Handler::kRerank,
          "Rank documents, returning their texts only on request"},
};

void write(ReplyWriter& reply) {
  reply.json().begin_object();
  write_standard_frame(reply, {.cohere_version = "2"});
  write_results(reply, "results", /*texts_are_strings=*/false);
  reply.json().end_object();
}

}  // namespace

constinit const Dialect kCohere = {
    .name = "cohere",
    .clients = "Cohere 2",
    .routes = kRoutes,
    .echo = Echo::kOnRequest,
    // "Relevance scores are normalized to be in the range [0, 1]", says the reference of its API.
    .activation = Activation::kSigmoid,
    .reply = kStandardReply,
    .write = write,
    .documented_request = "came to `/v2/rerank`",
    .documented_reply = "the standard one, with a `document` only if `return_documents` is true",
};

}  // namespace rerank::api
