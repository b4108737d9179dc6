// Normalization Form C as the Hugging Face tokenizers package (0.23) does it: by the data of Unicode 9.0.
// Code points assigned later pass unchanged and part what stands on either side of them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rerank {

// Returns `text` in NFC: `text` itself where it is so already, else a view of `storage`, which is
// overwritten. REQUIRES: text is valid UTF-8 and no part of storage.
std::string_view to_nfc(std::string_view text, std::string& storage);

// A stretch that normalization rewrites, in bytes of the text and of its normal form; all else is copied.
struct NfcRun {
  size_t begin, end;
  size_t normal_begin, normal_end;
};

// The same, and appends the stretches in order.
std::string_view to_nfc(std::string_view text, std::string& storage, std::vector<NfcRun>& runs);

}  // namespace rerank
