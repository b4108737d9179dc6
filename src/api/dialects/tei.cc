// Text Embeddings Inference: "texts" in, a bare list out; errors are strings.
#include <array>

#include "api/dialects/dialects.h"
#include "api/dialects/reply_writer.h"

namespace rerank::api {
namespace {

constexpr std::array kSelectors = {Field::kTexts};

void write(ReplyWriter& reply) {
  reply.json().begin_array();
  for (const RankedDocument& document : reply.documents()) {
    reply.begin_document(document, "score");
    reply.write_text("text", document);
    reply.end_document(document);
  }
  reply.json().end_array();
}

}  // namespace

constinit const Dialect kTei = {
    .name = "tei",
    .clients = "TEI",
    .selectors = kSelectors,
    .documents = Field::kTexts,
    .echo = Echo::kOnRequest,
    .activation = Activation::kSigmoid,  // core/src/infer.rs, predict
    .error_style = ErrorStyle::kString,
    .reply = {"TeiReply",
              R"({"type":"array","description":"If texts was sent. Highest score first.","items":{
      "type":"object","required":["index","score"],"properties":{"index":{"type":"integer"},
        "score":{"type":"number","description":"From 0 to 1, or the logit if raw scores are requested."},
        "text":{"type":"string"},"truncated":{"type":"boolean"}}}})"},
    .write = write,
    .documented_request = "has `texts`",
    .documented_reply = R"(TEI: `[{"index", "score", "text"?}]`)",
};

}  // namespace rerank::api
