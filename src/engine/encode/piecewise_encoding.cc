#include "engine/encode/piecewise_encoding.h"

namespace rerank {

PiecewiseEncoding::PiecewiseEncoding(const RequestEncoder& encoder, const Request& request)
    : PromptEncoding(encoder, request) {
  const auto add = [this](PieceRange pieces) {
    sections_.push_back({pieces, has_field(encoder_.prompt(), pieces, PromptField::kQuery)});
  };
  for (const PieceRange& pieces : encoder.layout().shared) add(pieces);
  add(encoder.layout().after_document);
}

bool PiecewiseEncoding::encode_document(std::size_t document) {
  if (!piece_) {
    const auto tokens_after = static_cast<std::int32_t>(head_.after_document.size());
    piece_.emplace(encoder_, request_,
                   PiecePlace{.piece = encoder_.layout().document,
                              .document = document,
                              .room = encoder_.pair_limit(request_) - head_.num_tokens() - tokens_after});
  }
  if (!piece_->advance()) return false;
  document_ = {.ids = piece_->take_ids(), .truncated = piece_->truncated()};
  document_.ids.insert(document_.ids.end(), head_.after_document.begin(), head_.after_document.end());
  piece_.reset();
  return true;
}

bool PiecewiseEncoding::encode_head(std::size_t document) {
  std::int32_t tokens_before = 0;
  for (Section& section : sections_) {
    if (!section.is_done && !advance_section(section, document, tokens_before)) return false;
    tokens_before += static_cast<std::int32_t>(section.ids.size());
  }
  make_head();
  return true;
}

void PiecewiseEncoding::drop_query() {
  for (Section& section : sections_) {
    if (!section.has_query) continue;
    section.is_done = false;
    section.ids.clear();
  }
}

bool PiecewiseEncoding::advance_section(Section& section, std::size_t document, std::int32_t tokens_before) {
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

void PiecewiseEncoding::make_head() {
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
