// Reads "added_tokens" of tokenizer.json.
#pragma once

#include <vector>

#include "text/json_view.h"
#include "tokenizer/added_tokens.h"
#include "tokenizer/models/token_model.h"
#include "tokenizer/normalizers/normalizers.h"

namespace rerank {

// Throws Error that names the key.
std::vector<AddedToken> read_added_tokens(const JsonView& root, const TokenModel& model,
                                          const Normalizers& normalizers);

// Whether the token is found in every text, even of users: runs of white space, and tokens of the model that
// are matched before it, which SentencePiece calls user-defined symbols.
bool is_text_token(const AddedToken& token, const TokenModel& model, const Normalizers& normalizers);

}  // namespace rerank
