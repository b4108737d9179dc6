// Texts to token ids: the parts of a prompt, and the rules for cutting what is too long.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "prompt/prompt.h"
#include "rerank/types.h"
#include "tokenizer/text_encoding.h"
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

// Const and safe from any number of threads. Texts become ids step by step in part_encoding.h; here they do
// so in one call. REQUIRES for all requests: check_request passed.
class RequestEncoder {
 public:
  RequestEncoder(Tokenizer tokenizer, EncoderOptions options);

  // All throw Error{kInvalidArgument} naming the field. What a run of documents with the query of `document`
  // shares.
  EncodedHead encode_head(const Request& request, std::size_t document = 0) const;
  EncodedDocument encode_document(const Request& request, std::size_t document,
                                  const EncodedHead& head) const;

  const Tokenizer& tokenizer() const { return tokenizer_; }
  // Ids of a user's text alone.
  std::vector<std::int32_t> encode_text(const std::string& text) const;

  // For part_encoding.
  void begin_text(std::vector<TextPart> parts, std::size_t max_ids,
                  std::optional<TextEncoding>& encoding) const {
    encoding.emplace(tokenizer_, std::move(parts), max_ids);
  }
  SpecialTokens special() const { return special_; }
  void append_after_query(std::vector<std::int32_t>& ids) const;
  const std::vector<std::int32_t>& preamble_start() const { return preamble_start_; }
  const std::vector<std::int32_t>& default_preamble() const { return default_preamble_; }
  const std::vector<std::int32_t>& suffix() const { return suffix_; }
  std::int32_t max_model_len() const { return options_.max_model_len; }
  // Tokens that a pair may have.
  std::int32_t pair_limit(const Request& request) const {
    return request.max_tokens_per_pair > 0 ? request.max_tokens_per_pair : options_.max_model_len;
  }

 private:
  Tokenizer tokenizer_;
  EncoderOptions options_;
  SpecialTokens special_;  // in users' texts
  std::vector<std::int32_t> preamble_start_;
  std::vector<std::int32_t> default_preamble_;
  std::vector<std::int32_t> suffix_;
};

// Throws Error{kInvalidArgument} for negative limits, those above max_model_len, and queries that are not one
// a document.
void check_request(const Request& request, std::int32_t max_model_len);

}  // namespace rerank
