#include "engine/prompt_encoding.h"

#include "engine/request_queries.h"

namespace rerank {

void PromptEncoding::begin_part(std::size_t document) {
  if (!has_preamble_) {
    part_.emplace(encoder_, request_, PromptPart::kPreamble, document, 0);
  } else if (!head_document_ || !have_same_query(request_, *head_document_, document)) {
    head_document_.reset();
    part_.emplace(encoder_, request_, PromptPart::kQuery, document,
                  static_cast<std::int32_t>(head_.preamble.size()));
  } else {
    part_.emplace(encoder_, request_, PromptPart::kDocument, document, head_.num_tokens());
  }
}

bool PromptEncoding::advance(std::size_t document) {
  if (!part_) begin_part(document);
  if (!part_->advance()) return false;
  const PromptPart part = part_->part();
  switch (part) {
    case PromptPart::kPreamble:
      head_.preamble = part_->take_ids();
      has_preamble_ = true;
      break;
    case PromptPart::kQuery:
      head_.query = part_->take_ids();
      head_document_ = document;
      break;
    case PromptPart::kDocument:
      document_ = {part_->take_ids(), part_->truncated()};
      break;
  }
  part_.reset();
  return part == PromptPart::kDocument;
}

}  // namespace rerank
