#include "engine/encode/prompt_encoding.h"

#include "engine/encode/request_queries.h"

namespace rerank {

PromptEncoding::PromptEncoding(const RequestEncoder& encoder, const Request& request)
    : encoder_(encoder), request_(request) {
  const auto add = [this](PieceRange pieces) {
    sections_.push_back({pieces, has_field(encoder_.prompt(), pieces, PromptField::kQuery)});
  };
  for (const PieceRange& pieces : encoder.layout().shared) add(pieces);
  add(encoder.layout().after_document);
}

bool PromptEncoding::advance(std::size_t document) {
  if (!advance_head(document)) return false;
  if (!piece_) piece_.emplace(encoder_, request_, encoder_.document_place(request_, document, head_));
  if (!piece_->advance()) return false;
  document_ = finish_document(*piece_, head_);
  piece_.reset();
  return true;
}

bool PromptEncoding::advance_head(std::size_t document) {
  if (head_document_ && have_same_query(request_, *head_document_, document)) return true;
  if (head_document_) drop_query();
  std::int32_t tokens_before = 0;
  for (Section& section : sections_) {
    if (!section.is_done && !advance_section(section, document, tokens_before)) return false;
    tokens_before += static_cast<std::int32_t>(section.ids.size());
  }
  make_head();
  head_document_ = document;
  return true;
}

void PromptEncoding::drop_query() {
  head_document_.reset();
  for (Section& section : sections_) {
    if (!section.has_query) continue;
    section.is_done = false;
    section.ids.clear();
  }
}

bool PromptEncoding::advance_section(Section& section, std::size_t document, std::int32_t tokens_before) {
  if (section.ids.empty() && !piece_) next_piece_ = section.pieces.first;
  while (next_piece_ < section.pieces.end) {
    if (!piece_) {
      const auto so_far = tokens_before + static_cast<std::int32_t>(section.ids.size());
      piece_.emplace(encoder_, request_,
                     PiecePlace{.piece = next_piece_,
                                .document = document,
                                .room = encoder_.pair_limit(request_) - so_far -
                                        encoder_.fixed_tokens_from(next_piece_ + 1)});
    }
    if (!piece_->advance()) return false;
    const TokenIds ids = piece_->take_ids();
    section.ids.insert(section.ids.end(), ids.begin(), ids.end());
    piece_.reset();
    ++next_piece_;
  }
  return section.is_done = true;
}

void PromptEncoding::make_head() {
  head_ = {};
  for (const Section& section : sections_) {
    if (&section == &sections_.back()) {
      head_.after_document = section.ids;
    } else if (!section.ids.empty()) {
      head_.parts.push_back(section.ids);
    }
  }
}

}  // namespace rerank
