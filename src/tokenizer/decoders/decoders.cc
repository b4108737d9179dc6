#include "tokenizer/decoders/decoders.h"

#include "tokenizer/step_list.h"

namespace rerank {
namespace {

constexpr StepKind<DecoderReader> kDecoders[] = {
    {"ByteLevel", read_byte_level_decoder}, {"Replace", read_replace_decoder},
    {"ByteFallback", read_no_decoder},      {"Fuse", read_no_decoder},
    {"WordPiece", read_word_piece_decoder}, {"Metaspace", read_metaspace_decoder}};

}  // namespace

DecoderSteps read_decoders(const JsonView& root) {
  DecoderSteps steps;
  const std::optional<JsonView> decoder = root.find("decoder");
  if (!decoder) return steps;
  for (const JsonView& step : flattened(*decoder, "decoders")) reader_of(step, kDecoders)(step, steps);
  return steps;
}

}  // namespace rerank
