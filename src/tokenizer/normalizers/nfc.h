// Normalization Form C as the Hugging Face tokenizers package (0.23) does it: by the data of Unicode 9.0.
// Code points assigned later pass unchanged and part what stands on either side of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/normalizers/normalizer.h"

namespace rerank {

// Returns `text` in NFC: `text` itself where it is so already, else a view of `storage`, which is
// overwritten. REQUIRES: text is valid UTF-8 and no part of storage.
std::string_view to_nfc(std::string_view text, std::string& storage);

// The last place before which a text that begins with `prefix` can be cut: the normal forms of the two pieces
// are that of the whole. 0 where there is none. REQUIRES: prefix is valid UTF-8 but for an end that is cut
// off.
size_t last_nfc_boundary(std::string_view prefix);

// The same, and appends the origins in order.
std::string_view to_nfc(std::string_view text, std::string& storage, std::vector<Origin>& origins);

}  // namespace rerank
