// Reads "decoder" of tokenizer.json, which converts tokens back to text.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_view.h"

namespace rerank {

// Safe from any number of threads at once.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Converts a token to its text, which may depend on whether it is the first.
  virtual void decode(std::string& token, bool is_first) const = 0;
};

using DecoderSteps = std::vector<std::unique_ptr<Decoder>>;

// Appends the decoder in a member. Throws Error that names the key.
using DecoderReader = void(const JsonView& step, DecoderSteps& steps);

DecoderSteps read_decoders(const JsonView& root);

// The readers of all decoders.
DecoderReader read_byte_level_decoder, read_replace_decoder, read_no_decoder, read_word_piece_decoder,
    read_metaspace_decoder;

}  // namespace rerank
