// Normalization Form C as in the Hugging Face tokenizers package (0.23), with the data of Unicode 9.0. Code
// points assigned later are unchanged, and nothing composes or moves across them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/normalizers/normalizer.h"

namespace rerank {

// Returns `text` in NFC: `text` itself if it is already normalized, otherwise a view of `storage`, which is
// overwritten. REQUIRES: text is valid UTF-8 and not part of storage.
std::string_view to_nfc(std::string_view text, std::string& storage);

// The last position at which a text that begins with `prefix` can be cut so that the normal forms of both
// pieces form that of the whole. 0 if there is none. REQUIRES: prefix is valid UTF-8, except that its end may
// be cut off.
size_t last_nfc_boundary(std::string_view prefix);

// The same, and appends the origins in order.
std::string_view to_nfc(std::string_view text, std::string& storage, std::vector<Origin>& origins);

}  // namespace rerank
