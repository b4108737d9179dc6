// The member "added_tokens" of a tokenizer.json.
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

// Whether it is found in every text, whoever wrote it, as what SentencePiece calls user-defined symbols is:
// tokens of the model that are found before it is asked.
bool is_text_token(const AddedToken& token, const TokenModel& model);

}  // namespace rerank
