// Voyage: under /voyage, or with top_k or truncation; results twice, as "results" and as "data".
#include <array>

#include "api/dialects/dialects.h"
#include "api/dialects/standard.h"

namespace rerank::api {
namespace {

constexpr std::string_view kSummary = "Rank documents, with the results also as \"data\"";

constexpr std::array kRoutes = {
    Route{Method::kPost, "/voyage/rerank", Handler::kRerank, kSummary},
    Route{Method::kPost, "/voyage/v1/rerank", Handler::kRerank, kSummary},
};
constexpr std::array kSelectors = {Field::kTopK, Field::kTruncation};

void write(ReplyWriter& reply) {
  reply.json().begin_object();
  write_standard_frame(reply);
  write_results(reply, "results", /*texts_are_strings=*/false);
  write_results(reply, "data", /*texts_are_strings=*/true);
  reply.json().end_object();
}

}  // namespace

constinit const Dialect kVoyage = {
    .name = "voyage",
    .clients = "Voyage",
    .routes = kRoutes,
    .selectors = kSelectors,
    .num_lists = 2,
    .reply = kStandardReply,
    .write = write,
    .documented_request = "came to `/voyage/...`, or has `top_k` or `truncation`",
    .documented_reply = "the standard one, and beside `results` the same as `data`, each `document` a string",
};

}  // namespace rerank::api
