// What a tokenizer.json says: the four stages, the tokens that are found before them, and the way back.
// Reading is here; running is the tokenizer's.
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
  PreTokenizers pre_tokenizers;  // none where the model cuts text itself
  std::unique_ptr<TokenModel> model;
  TokenFrames frames;
  DecoderSteps decoders;
  std::vector<AddedToken>
      added_tokens;  // in the order in which they were given; ids and contents are distinct
};

// Reads the text of a tokenizer.json. `name` stands for the file in messages. Throws Error{kInvalidArgument}
// for what is malformed and Error{kUnsupported} for what this room cannot do exactly; both name the key and
// the way out.
TokenizerPipeline read_pipeline(std::string_view json, std::string_view name);
// The same of one that was parsed.
TokenizerPipeline read_pipeline(const JsonView& root);

}  // namespace rerank
