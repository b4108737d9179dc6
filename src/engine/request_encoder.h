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

  // Both throw Error{kInvalidArgument} naming the field.
  EncodedHead encode_head(const Request& request) const;
  EncodedDocument encode_document(const Request& request, std::size_t document,
                                  const EncodedHead& head) const;

  const Tokenizer& tokenizer() const { return tokenizer_; }
  // Ids of a user's text alone.
  std::vector<std::int32_t> encode_text(const std::string& text) const;

 private:
  std::vector<std::int32_t> encode_preamble(std::string_view instruction) const;
  void append_user_text(const std::string& text, const std::string& field,
                        std::vector<std::int32_t>& ids) const;
  std::int32_t pair_limit(const Request& request) const;

  Tokenizer tokenizer_;
  EncoderOptions options_;
  std::vector<std::int32_t> default_preamble_;
  std::vector<std::int32_t> suffix_;
};

// Throws Error{kInvalidArgument} for negative limits and those above max_model_len.
void check_limits(const Request& request, std::int32_t max_model_len);

}  // namespace rerank
