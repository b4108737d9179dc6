// Encodes a text in steps of a few KiB, so that the caller can do other work in between, and only up to the
// ids that are needed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/normalizers/normal_text.h"
#include "tokenizer/normalizers/normalizers.h"
#include "tokenizer/tokenizer.h"

namespace rerank {

// A part of a text. Added tokens are recognized within each part and never across a boundary, including the
// white space that they absorb.
struct TextPart {
  std::string_view text;
  SpecialTokens special = SpecialTokens::kAsText;
};

class TextEncoding {
 public:
  // The parts are encoded as one text: normalization and words cross the boundaries. Tokenizer and texts must
  // outlive it. The first step reads `first_bytes`, later ones up to a few KiB.
  TextEncoding(const Tokenizer& tokenizer, std::vector<TextPart> parts, size_t max_ids, size_t first_bytes);
  TextEncoding(const Tokenizer& tokenizer, std::vector<TextPart> parts, size_t max_ids)
      : TextEncoding(tokenizer, std::move(parts), max_ids, bytes_of(max_ids)) {}
  TextEncoding(const TextEncoding&) = delete;
  TextEncoding& operator=(const TextEncoding&) = delete;

  // Performs a step of about a millisecond, at most 20; true once all ids are found, or more than max_ids.
  // Throws as Tokenizer::encode; byte offsets refer to the invalid part.
  bool advance();

  // The ids so far: always the first ids of the whole.
  const std::vector<int32_t>& ids() const { return ids_; }
  std::vector<int32_t> take_ids() { return std::move(ids_); }
  // Whether ids() is complete, once advance has returned true.
  bool is_whole() const { return is_whole_; }

  // The index of the invalid part, once advance has thrown.
  size_t failed_part() const;

 private:
  using Stretch = AddedTokenMatcher::Stretch;

  // The bytes that this many tokens may have, limited to a few KiB.
  static size_t bytes_of(size_t num_ids);

  bool is_valid();
  std::optional<Stretch> next_stretch(size_t num_bytes);
  bool take_in(size_t num_bytes);
  void append_whole();
  void append_settled(bool is_end);

  const Tokenizer& tokenizer_;
  const std::vector<TextPart> parts_;
  const size_t max_ids_;
  const bool looks_at_normal_text_;  // whether added tokens are searched in it
  const SpecialTokens special_;      // for words, which may span parts
  std::vector<int32_t> ids_;
  bool is_whole_ = false;
  size_t num_valid_parts_ = 0;  // known to be UTF-8
  size_t num_valid_bytes_ = 0;  // of the next part
  size_t take_bytes_;           // to read in the next step

  // The current position in the text.
  size_t part_ = 0;
  size_t part_at_ = 0;
  std::optional<AddedTokenScan> scan_;  // of that part, if tokens are searched in it

  // The current stretch of plain text, between two added tokens.
  std::string raw_;                // read, not normalized
  NormalizerStream stream_;        // normalizes raw_, holding back what later text may change
  std::string normal_;             // normalized, not cut into words
  bool is_first_ = true;           // none of it was cut into words yet
  int32_t token_ = -1;             // the added token after it
  std::vector<ByteRange> parsed_;  // of raw_, in whose normalized text added tokens are searched
};

}  // namespace rerank
