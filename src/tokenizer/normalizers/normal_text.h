// Normalized text that knows which bytes of the text it came of.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/normalizers/normalizers.h"

namespace rerank {

// Bytes of a text.
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

  // The bytes of the text that normal bytes [first, last) came of.
  ByteRange bytes_of(size_t first, size_t last) const;

  // The normal bytes that came of nothing but these bytes of the text; {0, 0} if there are none.
  ByteRange normal_bytes_of(ByteRange bytes) const;

 private:
  // Of one step.
  struct Step {
    std::string storage;
    std::vector<Origin> origins;

    // Where the origin of the normal byte `at` begins, or ends.
    size_t origin(size_t at, bool its_end) const;
    // What came of the byte `at` on, or of those before, and of no other.
    size_t normal_at(size_t at, bool is_end) const;
  };

  std::vector<Step> steps_;
  std::string_view normal_;
};

}  // namespace rerank
