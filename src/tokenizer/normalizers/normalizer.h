// One step of the first stage of a tokenizer, from text to normalized text. Each has a file in this folder
// and a row in the list in normalizers.cc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rerank {

// A code point of normalized text that may not be a plain copy, and the bytes of the single original code
// point that it maps to. As in the Hugging Face library, other code points composed into it map to nothing,
// and what a decomposition adds maps to the code point before. An origin without bytes marks where plain
// copying resumes.
struct Origin {
  size_t begin, end;
  size_t normal_begin, normal_end;
};

// Safe from any number of threads at once.
class Normalizer {
 public:
  virtual ~Normalizer() = default;

  // Returns the normalized text: `text` itself if nothing changes, otherwise a view of `storage`, which is
  // overwritten. Appends the origins in order if `origins` is not nullptr. REQUIRES: text is valid UTF-8 and
  // not part of storage.
  virtual std::string_view apply(std::string_view text, std::string& storage,
                                 std::vector<Origin>* origins) const = 0;

  // The last position at which a text that begins with `prefix` can be cut, whatever follows, so that both
  // pieces can be normalized separately. 0 if there is none. REQUIRES: prefix is valid UTF-8.
  virtual size_t cut_of(std::string_view prefix) const = 0;

  // The maximum number of bytes that one byte can become.
  virtual size_t growth() const { return 3; }

  // Whether normalized text never contains the character; whether it may contain it if the original does not.
  virtual bool removes(std::string_view) const { return false; }
  virtual bool may_make(std::string_view) const { return true; }
};

}  // namespace rerank
