// NVIDIA NIM: "passages" in, "rankings" by logit out.
#include <array>

#include "api/dialects/dialects.h"
#include "api/dialects/reply_writer.h"

namespace rerank::api {
namespace {

constexpr std::array kSelectors = {Field::kPassages};

void write(ReplyWriter& reply) {
  reply.json().begin_object().key("rankings").begin_array();
  for (const RankedDocument& document : reply.documents()) {
    reply.begin_document(document, "logit");
    reply.end_document(document);
  }
  reply.json().end_array().end_object();
}

}  // namespace

constinit const Dialect kNim = {
    .name = "nim",
    .clients = "NVIDIA NIM",
    .selectors = kSelectors,
    .documents = Field::kPassages,
    .echo = Echo::kNever,
    .activation = Activation::kNone,
    .reply = {"NimReply", R"({"type":"object","description":"If passages was sent. Highest logit first.",
      "required":["rankings"],"properties":{"rankings":{"type":"array","items":{"type":"object",
        "required":["index","logit"],"properties":{"index":{"type":"integer"},"logit":{"type":"number"},
          "truncated":{"type":"boolean"}}}}}})"},
    .write = write,
    .documented_request = "has `passages`",
    .documented_reply = R"(NIM: `{"rankings": [{"index", "logit"}]}`)",
};

}  // namespace rerank::api
