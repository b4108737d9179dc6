// The parts of tokenizer.json that say how text is prepared: normalizer, pre_tokenizer, post_processor and
// decoder.
#pragma once

#include "tokenizer/json_node.h"
#include "tokenizer/pre_tokenizer.h"

namespace rerank {

// Each takes the root of the document and throws as read_tokenizer_spec does.

bool read_normalizer(const JsonNode& root);  // whether to normalize to NFC
PreTokenizerSpec read_pre_tokenizer(const JsonNode& root);
void check_post_processor(const JsonNode& root);  // accepts what adds no token
void check_decoder(const JsonNode& root);         // accepts ByteLevel or none

}  // namespace rerank
