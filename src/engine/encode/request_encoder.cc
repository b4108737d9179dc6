#include "engine/encode/request_encoder.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/shown_text.h"
#include "engine/encode/piece_encoding.h"
#include "engine/encode/prompt_encoding.h"
#include "rerank/error.h"

namespace rerank {
namespace {

void require_natural(std::int32_t value, const char* member) {
  if (value >= 0) return;
  throw Error(ErrorCode::kInvalidArgument, {.member = member},
              fmt::format("must be a non-negative number of tokens, not {}", value));
}

// If the tokenizer has no pattern, pieces must end where no token can cross the boundary.
void check_pieces(const Prompt& prompt, const Tokenizer& tokenizer) {
  for (std::size_t p = 1; p < prompt.pieces.size(); ++p) {
    const PromptText& before = prompt.pieces[p - 1].texts.back();
    const PromptText& after = prompt.pieces[p].texts.front();
    if (before.field != PromptField::kNone || before.words.empty() || after.words.empty()) continue;
    if (tokenizer.splits_between(before.words, after.words)) continue;
    throw Error(
        ErrorCode::kUnsupported, {.member = "prompt"},
        fmt::format("the tokenizer may have a token that begins in \"{}\" and ends in \"{}\", so that the "
                    "prompt cannot be encoded in pieces; change the prompt there",
                    shown_text(before.words), shown_text(after.words)));
  }
}

bool takes_instruction(const Prompt& prompt) {
  const auto is_instruction = [](const PromptText& text) { return text.field == PromptField::kInstruction; };
  if (prompt.pair) return std::ranges::any_of(prompt.pair->text, is_instruction);
  return std::ranges::any_of(prompt.pieces, depends_on_instruction);
}

std::optional<PairFrame> frame_of(const Prompt& prompt, const Tokenizer& tokenizer,
                                  const EncoderOptions& options) {
  if (!prompt.pair) return std::nullopt;
  PairFrame frame(tokenizer, !prompt.pair->text.empty(), options.num_token_types);
  if (frame.num_special_tokens() < options.max_model_len) return frame;
  throw Error(ErrorCode::kInvalidArgument, {.member = "max_model_len"},
              fmt::format("{} leaves no room for texts beside the {} special tokens of a pair: raise it",
                          options.max_model_len, frame.num_special_tokens()));
}

}  // namespace

void check_request(const Request& request, const RequestEncoder& encoder) {
  const std::int32_t max_model_len = encoder.max_model_len();
  require_natural(request.max_tokens_per_query, "max_tokens_per_query");
  require_natural(request.max_tokens_per_document, "max_tokens_per_document");
  require_natural(request.max_tokens_per_pair, "max_tokens_per_pair");
  if (request.max_tokens_per_pair > max_model_len) {
    throw Error(ErrorCode::kInvalidArgument, {.member = "max_tokens_per_pair"},
                fmt::format("{} is more than the engine's max_model_len, {}", request.max_tokens_per_pair,
                            max_model_len));
  }
  if (!request.queries.empty() && request.queries.size() != request.documents.size()) {
    throw Error(
        ErrorCode::kInvalidArgument, {.member = "queries"},
        fmt::format("there are {} for {} documents: give one for each document, or none and `query` for "
                    "all of them",
                    request.queries.size(), request.documents.size()));
  }
  if (!request.instruction.empty() && !takes_instruction(encoder.prompt())) {
    throw Error(ErrorCode::kInvalidArgument, {.member = "instruction"},
                "the model takes no instruction: leave it out");
  }
}

std::int32_t tokens_outside_limit(const Prompt& prompt, const Tokenizer& tokenizer) {
  std::int32_t sum = 0;
  for (const PromptPiece& piece : prompt.pieces) {
    if (piece.times_outside_limit == 0) continue;
    std::string words;
    for (const PromptText& text : piece.texts) words += text.words;
    TokenIds ids;
    tokenizer.encode(words, SpecialTokens::kParse, ids);
    sum += piece.times_outside_limit * size_of(ids);
  }
  return sum;
}

RequestEncoder::RequestEncoder(Tokenizer tokenizer, Prompt prompt, EncoderOptions options)
    : tokenizer_(std::move(tokenizer)),
      prompt_(std::move(prompt)),
      layout_(prompt_.pair ? PromptLayout{} : lay_out(prompt_)),
      pair_frame_(frame_of(prompt_, tokenizer_, options)),
      options_(options),
      special_(options.parse_special_tokens ? SpecialTokens::kParse : SpecialTokens::kAsText),
      known_ids_(prompt_.pieces.size()),
      fixed_tokens_from_(prompt_.pieces.size() + 1),
      tokens_outside_limit_(tokens_outside_limit(prompt_, tokenizer_)) {
  check_pieces(prompt_, tokenizer_);
  const Request without_instruction;
  for (std::size_t p = prompt_.pieces.size(); p-- > 0;) {
    const PromptPiece& piece = prompt_.pieces[p];
    fixed_tokens_from_[p] = fixed_tokens_from_[p + 1];
    if (has_field(piece, PromptField::kQuery) || has_field(piece, PromptField::kDocument)) continue;
    PieceEncoding encoding(*this, without_instruction, {.piece = p, .room = INT32_MAX});
    while (!encoding.advance()) {
    }
    known_ids_[p] = encoding.take_ids();
    if (!depends_on_instruction(piece)) fixed_tokens_from_[p] += size_of(*known_ids_[p]);
  }
}

const std::string& RequestEncoder::instruction_of(const Request& request) const {
  return request.instruction.empty() ? prompt_.default_instruction : request.instruction;
}

const TokenIds* RequestEncoder::known_ids(std::size_t piece, const Request& request) const {
  const bool is_known =
      known_ids_[piece] && (request.instruction.empty() || !depends_on_instruction(prompt_.pieces[piece]));
  return is_known ? &*known_ids_[piece] : nullptr;
}

TokenIds RequestEncoder::encode_text(const std::string& text) const {
  TokenIds ids;
  try {
    tokenizer_.encode(text, special_, ids);
  } catch (const Error& error) {
    throw Error(error.code(), fmt::format("text: {}", error.what()));
  }
  return ids;
}

EncodedHead RequestEncoder::encode_head(const Request& request, std::size_t document) const {
  const auto encoding = PromptEncoding::start(*this, request);
  while (!encoding->advance_head(document)) {
  }
  return encoding->head();
}

EncodedDocument RequestEncoder::encode_document(const Request& request, std::size_t document,
                                                const EncodedHead& head) const {
  const auto encoding = PromptEncoding::start(*this, request);
  encoding->set_head(head, document);
  while (!encoding->advance(document)) {
  }
  return encoding->take_document();
}

}  // namespace rerank
