// Normalized text, with a mapping to the bytes of the original.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/normalizers/normalizers.h"

namespace rerank {

// A range of bytes in a text.
struct ByteRange {
  size_t begin, end;
};

class NormalText {
 public:
  // The text must outlive it. REQUIRES: it is valid UTF-8.
  NormalText(std::string_view text, const Normalizers& normalizers);
  NormalText(const NormalText&) = delete;
  NormalText& operator=(const NormalText&) = delete;

  std::string_view text() const { return normal_; }

  // The original bytes from which normalized bytes [first, last) were made.
  ByteRange bytes_of(size_t first, size_t last) const;

  // The normalized bytes made from only these original bytes; {0, 0} if there are none.
  ByteRange normal_bytes_of(ByteRange bytes) const;

 private:
  // The result of one normalizer.
  struct Step {
    std::string storage;
    std::vector<Origin> origins;

    // The begin, or end, of the origin of the normalized byte `at`.
    size_t origin(size_t at, bool its_end) const;
    // The normalized position for the original byte `at`, as a begin or an end.
    size_t normal_at(size_t at, bool is_end) const;
  };

  std::vector<Step> steps_;
  std::string_view normal_;
};

}  // namespace rerank
