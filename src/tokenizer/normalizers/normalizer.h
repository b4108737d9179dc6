// A step of the first stage of a tokenizer: text to normalized text. Each is a file of this folder and a line
// in the list of normalizers.cc.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace rerank {

// A code point of normalized text that may not be a copy, and the bytes of the text it counts for: those of
// one code point. What it was composed of besides counts for nothing, what a decomposition adds for the code
// point before, as in the Hugging Face library. One without bytes marks where copying goes on.
struct Origin {
  size_t begin, end;
  size_t normal_begin, normal_end;
};

// Any number of threads may use one at once.
class Normalizer {
 public:
  virtual ~Normalizer() = default;

  // Returns the normalized text: `text` itself where nothing changes, else a view of `storage`, which is
  // overwritten. Appends the origins in order unless that is nullptr. REQUIRES: text is valid UTF-8 and no
  // part of storage.
  virtual std::string_view apply(std::string_view text, std::string& storage,
                                 std::vector<Origin>* origins) const = 0;

  // The last place before which a text that begins with `prefix` can be cut, whatever follows, and its pieces
  // normalized apart. 0 where there is none. REQUIRES: prefix is valid UTF-8.
  virtual size_t cut_of(std::string_view prefix) const = 0;

  // The most bytes that one byte can become.
  virtual size_t growth() const { return 3; }

  // Whether no text has the character afterwards; whether a text may have it that had not before.
  virtual bool removes(std::string_view) const { return false; }
  virtual bool may_make(std::string_view) const { return true; }
};

}  // namespace rerank
