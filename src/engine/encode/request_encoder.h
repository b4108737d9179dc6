// Encodes a prompt with the texts of a request, part by part. piece_encoding.h encodes a single piece in
// steps and truncates it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/encode/encoded_prompt.h"
#include "engine/encode/pair_frame.h"
#include "engine/encode/prompt_layout.h"
#include "prompt/prompt.h"
#include "rerank/types.h"
#include "tokenizer/text_encoding.h"
#include "tokenizer/tokenizer.h"

namespace rerank {

struct EncoderOptions {
  bool parse_special_tokens = false;
  std::int32_t max_model_len = 0;
  std::int32_t num_token_types = 0;  // of an encoder
};

// Immutable; safe from any number of threads at once. Encodes in a single call; for encoding in steps see
// prompt_encoding.h. REQUIRES for all requests: check_request passed.
class RequestEncoder {
 public:
  RequestEncoder(Tokenizer tokenizer, Prompt prompt, EncoderOptions options);

  // All throw Error{kInvalidArgument} about a member of the request. The prefix that documents with the query
  // of `document` share.
  EncodedHead encode_head(const Request& request, std::size_t document = 0) const;
  EncodedDocument encode_document(const Request& request, std::size_t document,
                                  const EncodedHead& head) const;

  const Tokenizer& tokenizer() const { return tokenizer_; }
  // Ids of a user's text, without a prompt.
  TokenIds encode_text(const std::string& text) const;

  // For encoding in steps.
  const Prompt& prompt() const { return prompt_; }
  const PromptLayout& layout() const { return layout_; }        // REQUIRES: not prompt().pair
  const PairFrame& pair_frame() const { return *pair_frame_; }  // REQUIRES: prompt().pair
  SpecialTokens special_of_users() const { return special_; }
  // The instruction in a request's prompts; empty: none.
  const std::string& instruction_of(const Request& request) const;
  // The ids of a piece if they are the same for every request without an instruction of its own; otherwise
  // nullptr.
  const TokenIds* known_ids(std::size_t piece, const Request& request) const;
  // Tokens of the pieces from `piece` on that contain no text of the request, except the document's piece.
  std::int32_t fixed_tokens_from(std::size_t piece) const { return fixed_tokens_from_[piece]; }
  std::int32_t max_model_len() const { return options_.max_model_len; }
  // The token limit of a pair, and that of its texts, see Prompt::default_text_limit.
  std::int32_t pair_limit(const Request& request) const {
    return request.max_tokens_per_pair > 0 ? request.max_tokens_per_pair : options_.max_model_len;
  }
  std::int32_t text_limit(const Request& request) const {
    return pair_limit(request) - tokens_outside_limit_;
  }

 private:
  Tokenizer tokenizer_;
  Prompt prompt_;
  PromptLayout layout_;
  std::optional<PairFrame> pair_frame_;
  EncoderOptions options_;
  SpecialTokens special_;
  std::vector<std::optional<TokenIds>> known_ids_;  // [pieces]
  std::vector<std::int32_t> fixed_tokens_from_;     // [pieces + 1]
  std::int32_t tokens_outside_limit_ = 0;
};

// Tokens that a prompt may have in addition to Prompt::default_text_limit.
std::int32_t tokens_outside_limit(const Prompt& prompt, const Tokenizer& tokenizer);

// Throws Error{kInvalidArgument} for limits that are negative or above max_model_len, a number of queries
// that differs from that of documents, and an instruction for a prompt that takes none.
void check_request(const Request& request, const RequestEncoder& encoder);

}  // namespace rerank
