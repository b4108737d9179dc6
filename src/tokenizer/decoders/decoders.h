// From tokens back to text: the member "decoder" of a tokenizer.json.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_view.h"

namespace rerank {

// Any number of threads may use one at once.
class Decoder {
 public:
  virtual ~Decoder() = default;
  // Changes the text of a token to what it counts for in a text that it begins, or not.
  virtual void decode(std::string& token, bool is_first) const = 0;
};

using DecoderSteps = std::vector<std::unique_ptr<Decoder>>;

// Appends what a member says. Throws Error that names the key.
using DecoderReader = void(const JsonView& step, DecoderSteps& steps);

DecoderSteps read_decoders(const JsonView& root);

// Every decoder that the list has.
DecoderReader read_byte_level_decoder, read_replace_decoder, read_no_decoder, read_word_piece_decoder,
    read_metaspace_decoder;

}  // namespace rerank
