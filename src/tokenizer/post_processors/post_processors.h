// The member "post_processor" of a tokenizer.json.
#pragma once

#include "text/json_view.h"
#include "tokenizer/post_processors/token_frame.h"

namespace rerank {

// Sets what a member says. Throws Error that names the key.
using PostProcessorReader = void(const JsonView& step, TokenFrames& frames);

TokenFrames read_post_processors(const JsonView& root);

// Every post-processor that the list has: what each says is in its file.
PostProcessorReader read_byte_level_offsets, read_template_processing, read_bert_processing,
    read_roberta_processing;

}  // namespace rerank
