// Texts to token ids: the parts of a prompt, and the rules for cutting what is too long.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "prompt/prompt.h"
#include "rerank/types.h"
#include "tokenizer/tokenizer.h"

namespace rerank {

struct EncoderOptions {
  bool parse_special_tokens = false;
  PromptSuffix suffix = PromptSuffix::kOfficial;
  std::int32_t max_model_len = 0;
};

// The parts of a request's prompts that its documents share.
struct EncodedHead {
  std::vector<std::int32_t> preamble;
  std::vector<std::int32_t> query;

  std::int32_t num_tokens() const { return static_cast<std::int32_t>(preamble.size() + query.size()); }
};

struct EncodedDocument {
  std::vector<std::int32_t> ids;  // the document and the prompt's suffix
  bool truncated = false;
};

// Const and safe from any number of threads.
class RequestEncoder {
 public:
  RequestEncoder(Tokenizer tokenizer, EncoderOptions options);

  // All throw Error{kInvalidArgument} naming the field.
  // What the instruction alone decides.
  std::vector<std::int32_t> encode_preamble(const Request& request) const;
  // The query of `document` after the preamble. REQUIRES: check_request passed, as for the others.
  std::vector<std::int32_t> encode_query(const Request& request, std::size_t document,
                                         std::int32_t preamble_tokens) const;
  // Both: what a run of documents with equal queries shares.
  EncodedHead encode_head(const Request& request, std::size_t document = 0) const;
  EncodedDocument encode_document(const Request& request, std::size_t document,
                                  const EncodedHead& head) const;

  const Tokenizer& tokenizer() const { return tokenizer_; }
  // Ids of a user's text alone.
  std::vector<std::int32_t> encode_text(const std::string& text) const;

 private:
  std::vector<std::int32_t> encode_instruction(std::string_view instruction) const;
  void append_user_text(const std::string& text, const std::string& field,
                        std::vector<std::int32_t>& ids) const;
  std::int32_t pair_limit(const Request& request) const;

  Tokenizer tokenizer_;
  EncoderOptions options_;
  std::vector<std::int32_t> default_preamble_;
  std::vector<std::int32_t> suffix_;
};

// Throws Error{kInvalidArgument} for negative limits, those above max_model_len, and queries that are not one
// a document.
void check_request(const Request& request, std::int32_t max_model_len);

}  // namespace rerank
