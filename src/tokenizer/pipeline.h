// The contents of tokenizer.json: the four stages, the added tokens, and the decoders. This file only reads
// them; Tokenizer runs them.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/decoders/decoders.h"
#include "tokenizer/models/token_model.h"
#include "tokenizer/normalizers/normalizers.h"
#include "tokenizer/post_processors/token_frame.h"
#include "tokenizer/pre_tokenizers/pre_tokenizers.h"

namespace rerank {

struct TokenizerPipeline {
  Normalizers normalizers;
  PreTokenizers pre_tokenizers;  // none if the model cuts text itself
  std::unique_ptr<TokenModel> model;
  TokenFrames frames;
  DecoderSteps decoders;
  std::vector<AddedToken> added_tokens;  // in the order of the file; ids and contents are distinct
};

// Reads a tokenizer.json; `name` is the file's name in messages. Throws Error{kInvalidArgument} if it is
// malformed and Error{kUnsupported} if it cannot be reproduced exactly; both name the key and what to do.
TokenizerPipeline read_pipeline(std::string_view json, std::string_view name);
// The same for parsed JSON.
TokenizerPipeline read_pipeline(const JsonView& root);

}  // namespace rerank
