#include "engine/encode/prompt_encoding.h"

#include "engine/encode/joined_pair_encoding.h"
#include "engine/encode/pair_encoding.h"
#include "engine/encode/piecewise_encoding.h"
#include "engine/encode/request_queries.h"

namespace rerank {

std::unique_ptr<PromptEncoding> PromptEncoding::start(const RequestEncoder& encoder, const Request& request) {
  if (!encoder.prompt().pair) return std::make_unique<PiecewiseEncoding>(encoder, request);
  if (encoder.prompt().pair->text.empty()) return std::make_unique<PairEncoding>(encoder, request);
  return std::make_unique<JoinedPairEncoding>(encoder, request);
}

bool PromptEncoding::advance_head(std::size_t document) {
  if (head_document_ && have_same_query(request_, *head_document_, document)) return true;
  if (head_document_) {
    head_document_.reset();
    drop_query();
  }
  if (!encode_head(document)) return false;
  head_document_ = document;
  return true;
}

}  // namespace rerank
