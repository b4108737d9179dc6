// Reads "model" of tokenizer.json.
#pragma once

#include <memory>

#include "text/json_view.h"
#include "tokenizer/models/token_model.h"

namespace rerank {

// `is_byte_level`: whether the pre-tokenizer maps bytes to characters. Throws Error that names the key.
using ModelReader = std::unique_ptr<TokenModel>(const JsonView& model, bool is_byte_level);

std::unique_ptr<TokenModel> read_model(const JsonView& root, bool is_byte_level);

// Tables are indexed by id, so a few very large ids would take memory out of proportion to the file.
std::int64_t max_token_id(std::size_t num_tokens);

// Reads "vocab", an object of ids. Throws Error that names the entry.
Vocabulary read_vocabulary(const JsonView& model, Vocabulary::Writing writing);

// The readers of all models. Each model is described in its file.
ModelReader read_bpe, read_word_piece, read_unigram;

}  // namespace rerank
