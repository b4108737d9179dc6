// Reads "post_processor" of tokenizer.json.
#pragma once

#include "text/json_view.h"
#include "tokenizer/post_processors/token_frame.h"

namespace rerank {

// Sets the frames of a member. Throws Error that names the key.
using PostProcessorReader = void(const JsonView& step, TokenFrames& frames);

TokenFrames read_post_processors(const JsonView& root);

// The readers of all post-processors. Each post-processor is described in its file.
PostProcessorReader read_byte_level_offsets, read_template_processing, read_bert_processing,
    read_roberta_processing;

}  // namespace rerank
