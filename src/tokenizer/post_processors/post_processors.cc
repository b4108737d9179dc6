#include "tokenizer/post_processors/post_processors.h"

#include "tokenizer/step_list.h"

namespace rerank {
namespace {

constexpr StepKind<PostProcessorReader> kPostProcessors[] = {{"ByteLevel", read_byte_level_offsets},
                                                             {"TemplateProcessing", read_template_processing},
                                                             {"BertProcessing", read_bert_processing},
                                                             {"RobertaProcessing", read_roberta_processing}};

TokenFrames bare_frames() {
  return {.single = {{{.text = TokenFrame::Text::kFirst}}},
          .pair = {{{.text = TokenFrame::Text::kFirst}, {.text = TokenFrame::Text::kSecond, .type = 1}}}};
}

}  // namespace

// The byte positions of tokens are determined by Tokenizer::pieces, not by the file.
void read_byte_level_offsets(const JsonView& step, TokenFrames&) {
  step.allow_only({"type", "add_prefix_space", "trim_offsets", "use_regex"});
}

TokenFrames read_post_processors(const JsonView& root) {
  TokenFrames frames = bare_frames();
  const std::optional<JsonView> processor = root.find("post_processor");
  if (!processor) return frames;
  bool is_framed = false;
  for (const JsonView& step : flattened(*processor, "processors")) {
    PostProcessorReader& read = reader_of(step, kPostProcessors);
    if (read != read_byte_level_offsets && std::exchange(is_framed, true)) {
      step.unsupported("follows another step that may add tokens; supported is one");
    }
    read(step, frames);
  }
  return frames;
}

}  // namespace rerank
