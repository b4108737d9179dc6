// The tokenizer of BERT repositories from before tokenizer.json: vocab.txt, a token a line, and what
// tokenizer_config.json says of case and accents.
#pragma once

#include <string_view>

#include "tokenizer/pipeline.h"

namespace rerank {

// What Hugging Face's converter makes of them. `config` is the text of tokenizer_config.json, empty where
// there is none; `name` stands for vocab.txt in messages. Throws Error as read_pipeline.
TokenizerPipeline read_vocab_txt(std::string_view vocab, std::string_view config, std::string_view name);

}  // namespace rerank
