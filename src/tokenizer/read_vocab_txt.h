// Reads the tokenizer of BERT repositories that predate tokenizer.json: vocab.txt with one token per line,
// and the options about case and accents in tokenizer_config.json.
#pragma once

#include <string_view>

#include "tokenizer/pipeline.h"

namespace rerank {

// Returns what Hugging Face's converter makes of them. `config` is the text of tokenizer_config.json, empty
// if there is none; `name` is the name of vocab.txt in messages. Throws Error as read_pipeline.
TokenizerPipeline read_vocab_txt(std::string_view vocab, std::string_view config, std::string_view name);

}  // namespace rerank
