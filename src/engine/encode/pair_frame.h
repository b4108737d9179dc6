// The special tokens around the texts of an encoder's pair, and the token types.
#pragma once

#include <cstdint>
#include <span>

#include "engine/encode/encoded_prompt.h"
#include "tokenizer/tokenizer.h"

namespace rerank {

class PairFrame {
 public:
  // Uses the tokenizer's frame for a pair or, if both texts are joined, for one text. `num_token_types` is
  // the model's; below 2, types do not matter. Throws Error{kUnsupported} if there is no frame, or its types
  // are not 0 followed by 1.
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
