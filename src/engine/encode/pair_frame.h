// The special tokens around the texts of an encoder's pair, and which tokens have type 1.
#pragma once

#include <cstdint>
#include <span>

#include "engine/encode/encoded_prompt.h"
#include "tokenizer/tokenizer.h"

namespace rerank {

class PairFrame {
 public:
  // Of a tokenizer's frame, for a pair or, where both are in one text, for that. `num_token_types`: of the
  // model; below 2 they do not matter. Throws Error{kUnsupported} if there is none, or its types are not 0,
  // then 1.
  PairFrame(const Tokenizer& tokenizer, bool is_one_text, std::int32_t num_token_types);

  std::int32_t num_special_tokens() const { return num_special_tokens_; }
  // `second` is empty for one text.
  EncodedDocument around(std::span<const std::int32_t> first, std::span<const std::int32_t> second) const;

 private:
  TokenFrame frame_;
  bool has_types_;
  std::int32_t num_special_tokens_ = 0;
};

}  // namespace rerank
