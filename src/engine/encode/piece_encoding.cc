#include "engine/encode/piece_encoding.h"

#include <algorithm>

#include "engine/encode/length_refusal.h"
#include "engine/encode/request_encoder.h"
#include "engine/encode/request_queries.h"
#include "rerank/error.h"

namespace rerank {
namespace {

void cut(TokenIds& ids, std::int32_t limit) {
  const auto most = static_cast<std::size_t>(std::max(limit, 0));
  if (ids.size() > most) ids.resize(most);
}

}  // namespace

PieceEncoding::PieceEncoding(const RequestEncoder& encoder, const Request& request, PiecePlace place)
    : encoder_(encoder), request_(request), place_(place) {
  if (const TokenIds* known = encoder.known_ids(place.piece, request)) {
    ids_ = *known;
    return;
  }
  add_texts(encoder.prompt().pieces[place.piece]);
  set_limit();
  const bool has_rest = cut_part_ + 1 < parts_.size();
  if (own_limit_) {
    begin(Stage::kWords);
  } else {
    begin(cut_field_ == PromptField::kNone || (has_rest && limit_ == INT32_MAX) ? Stage::kWhole
                                                                                : Stage::kStart);
  }
}

void PieceEncoding::add_texts(const PromptPiece& piece) {
  const std::string& instruction = encoder_.instruction_of(request_);
  const auto add = [this](std::string_view text, SpecialTokens special, PromptField field) {
    parts_.push_back({text, special});
    fields_.push_back(field);
  };
  for (const PromptText& text : piece.texts) {
    if (text.needs_instruction && instruction.empty()) continue;
    if (!text.words.empty()) add(text.words, SpecialTokens::kParse, PromptField::kNone);
    if (text.field == PromptField::kNone) continue;
    if (text.field == PromptField::kInstruction) {
      add(instruction, encoder_.special_of_users(), text.field);
      continue;
    }
    cut_field_ = text.field;
    cut_part_ = parts_.size();
    add(is_document() ? request_.documents[place_.document] : query_of(request_, place_.document),
        encoder_.special_of_users(), text.field);
  }
}

void PieceEncoding::set_limit() {
  const std::int32_t text_limit = encoder_.text_limit(request_);
  if (is_document()) {
    if (encoder_.prompt().document_within_text_limit) limit_ = text_limit;
    if (request_.max_tokens_per_document > 0) own_limit_ = request_.max_tokens_per_document;
  } else if (cut_field_ == PromptField::kQuery) {
    const std::int64_t percent = encoder_.prompt().query_percent;
    if (percent > 0) limit_ = static_cast<std::int32_t>(std::int64_t{text_limit} * percent / 100);
    if (request_.max_tokens_per_query > 0) own_limit_ = request_.max_tokens_per_query;
  }
}

void PieceEncoding::begin(Stage stage) {
  std::vector<TextPart> parts = parts_;
  std::int32_t most = place_.room;
  switch (stage) {
    case Stage::kWords:
      parts.resize(cut_part_);
      // A space before a text is usually part of its first token.
      if (!parts.empty() && parts.back().text.ends_with(' ')) parts.back().text.remove_suffix(1);
      break;
    case Stage::kStart:
      parts.resize(cut_part_ + 1);
      most = std::min(most, limit_);
      break;
    case Stage::kRest:
      parts.erase(parts.begin(), parts.begin() + static_cast<std::ptrdiff_t>(cut_part_ + 1));
      break;
    case Stage::kWhole:
    case Stage::kNone:
      break;
  }
  stage_ = stage;
  text_.emplace(encoder_.tokenizer(), std::move(parts), static_cast<std::size_t>(std::max(most, 0)));
}

bool PieceEncoding::advance() {
  if (stage_ == Stage::kNone) return true;
  try {
    if (!text_->advance()) return false;
  } catch (const Error& error) {
    const std::size_t first = stage_ == Stage::kRest ? cut_part_ + 1 : 0;
    throw Error(error.code(), subject_of(request_, fields_[first + text_->failed_part()], place_.document),
                error.reason());
  }
  return end_stage();
}

bool PieceEncoding::end_stage() {
  switch (stage_) {
    case Stage::kWords:
      limit_ =
          static_cast<std::int32_t>(std::min(std::int64_t{limit_}, std::int64_t{num_tokens()} + *own_limit_));
      begin(Stage::kStart);
      return false;
    case Stage::kStart:
      return end_start();
    case Stage::kRest:
      return end_cut(text_->ids());
    case Stage::kWhole:
      return end_whole();
    case Stage::kNone:
      break;
  }
  return true;
}

bool PieceEncoding::end_start() {
  start_is_whole_ = text_->is_whole();
  start_ = text_->take_ids();
  const bool has_rest = cut_part_ + 1 < parts_.size();
  const bool fits = start_is_whole_ && size_of(start_) <= std::min(limit_, place_.room) && !must_be_cut_;
  if (!has_rest) return end_cut({});
  // A text that is not cut is encoded together with what follows it.
  begin(fits ? Stage::kWhole : Stage::kRest);
  return false;
}

bool PieceEncoding::end_whole() {
  if (num_tokens() <= place_.room) {
    ids_ = text_->take_ids();
    return true;
  }
  if (!may_be_cut_to_room()) refuse(num_tokens(), text_->is_whole());
  must_be_cut_ = true;
  begin(Stage::kStart);
  return false;
}

bool PieceEncoding::end_cut(const TokenIds& rest) {
  const std::int32_t found = size_of(start_);
  const std::int32_t size = std::min(found, std::max(limit_, 0));
  if (size + size_of(rest) > place_.room && !may_be_cut_to_room()) {
    refuse(size + size_of(rest), size < found || start_is_whole_);
  }
  cut(start_, std::min(size, place_.room - size_of(rest)));
  truncated_ = is_document() && size_of(start_) < found;
  ids_ = std::move(start_);
  ids_.insert(ids_.end(), rest.begin(), rest.end());
  return true;
}

void PieceEncoding::refuse(std::int32_t num_tokens, bool is_exact) const {
  refuse_length(encoder_, request_,
                {.field = cut_field_,
                 .document = place_.document,
                 .num_tokens = encoder_.pair_limit(request_) - place_.room + num_tokens,
                 .is_exact = is_exact});
}

}  // namespace rerank
