// Normalization Form C as the Hugging Face tokenizers package (0.23) does it: by the data of Unicode 9.0.
// Code points assigned later pass unchanged and part what stands on either side of them.
#pragma once

#include <string>
#include <string_view>

namespace rerank {

// Returns `text` in NFC: `text` itself where it is so already, else a view of `storage`, which is
// overwritten. REQUIRES: text is valid UTF-8 and no part of storage.
std::string_view to_nfc(std::string_view text, std::string& storage);

}  // namespace rerank
