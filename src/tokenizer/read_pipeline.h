// The parts of tokenizer.json that say how text is prepared: normalizer, pre_tokenizer, post_processor and
// decoder.
#pragma once

#include "text/json_view.h"
#include "tokenizer/normalizers/normalizer.h"
#include "tokenizer/pre_tokenizers/pre_tokenizer.h"

namespace rerank {

// Each takes the root of the document and throws as read_tokenizer_spec does.

// How the model takes text: as bytes, or as characters with byte fallback.
enum class ModelInput { kBytes, kCharacters };

NormalizerSpec read_normalizer(const JsonView& root);
// For bytes.
PreTokenizerSpec read_pre_tokenizer(const JsonView& root);
// For characters: accepts what cuts nothing.
void check_no_pre_tokenizer(const JsonView& root, const NormalizerSpec& normalizer);
// Accepts what adds no token; for characters also tokens around the text, which the prompt writes itself.
void check_post_processor(const JsonView& root, ModelInput input);
std::vector<Replacement> read_decoder(const JsonView& root, ModelInput input);

}  // namespace rerank
