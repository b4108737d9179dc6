// What a tokenizer.json says, checked and in the room's own terms. Reading is read_spec's; running is the
// tokenizer's.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/models/bpe.h"
#include "tokenizer/models/byte_fallback.h"
#include "tokenizer/models/vocabulary.h"
#include "tokenizer/normalizers/normalizer.h"
#include "tokenizer/pre_tokenizers/pre_tokenizer.h"

namespace rerank {

struct TokenizerSpec {
  NormalizerSpec normalizer;
  PreTokenizerSpec pre_tokenizer;
  Vocabulary vocabulary{0, 0};
  std::array<int32_t, 256>
      byte_ids{};  // the token of each byte; -1 for the 13 that UTF-8 never uses, if absent
  MergeTable merges{0};
  bool byte_fallback = false;  // symbols are characters, and bytes where the vocabulary lacks one; else bytes
  CharacterJoins joins;        // with byte_fallback: which pairs merges join
  bool ignore_merges = false;  // a pre-token that is in the vocabulary is not merged together but taken
  std::vector<AddedToken>
      added_tokens;                  // in the order in which they were given; ids and contents are distinct
  std::vector<Replacement> decoder;  // of a token's text
};

// Reads the text of a tokenizer.json. `name` stands for the file in messages. Throws Error{kInvalidArgument}
// for what is malformed and Error{kUnsupported} for what this room cannot do exactly; both name the key and
// the way out.
TokenizerSpec read_tokenizer_spec(std::string_view json, std::string_view name);

}  // namespace rerank
