// A text on its way to ids in steps of some KiB, so that whoever encodes can do something else in between,
// and no further than its first ids are wanted.
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

// A part of a text. Added tokens are recognised in each part by itself and never across a border: neither
// they nor the white space that they take with them.
struct TextPart {
  std::string_view text;
  SpecialTokens special = SpecialTokens::kAsText;
};

class TextEncoding {
 public:
  // The parts are encoded as one text: normalization and words go across the borders. Tokenizer and texts
  // must outlive it. The first step takes in `first_bytes`, the later ones up to some KiB.
  TextEncoding(const Tokenizer& tokenizer, std::vector<TextPart> parts, size_t max_ids, size_t first_bytes);
  TextEncoding(const Tokenizer& tokenizer, std::vector<TextPart> parts, size_t max_ids)
      : TextEncoding(tokenizer, std::move(parts), max_ids, bytes_of(max_ids)) {}
  TextEncoding(const TextEncoding&) = delete;
  TextEncoding& operator=(const TextEncoding&) = delete;

  // A step, which takes a millisecond or so, 20 at most; true once the ids are whole or more than max_ids.
  // Throws as Tokenizer::encode; byte offsets are those of the part at fault.
  bool advance();

  // What advance has made so far: always the first ids of the whole.
  const std::vector<int32_t>& ids() const { return ids_; }
  std::vector<int32_t> take_ids() { return std::move(ids_); }
  // Whether no id is missing, once advance gave true.
  bool is_whole() const { return is_whole_; }

  // The index of the part at fault, once advance threw.
  size_t failed_part() const;

 private:
  using Stretch = AddedTokenMatcher::Stretch;

  // What as many tokens may be, but some KiB at most.
  static size_t bytes_of(size_t num_ids);

  bool is_valid();
  std::optional<Stretch> next_stretch(size_t num_bytes);
  bool take_in(size_t num_bytes);
  void append_whole();
  void append_settled(bool is_end);

  const Tokenizer& tokenizer_;
  const std::vector<TextPart> parts_;
  const size_t max_ids_;
  const bool looks_at_normal_text_;  // for added tokens
  const SpecialTokens special_;      // of words, which may be of several parts
  std::vector<int32_t> ids_;
  bool is_whole_ = false;
  size_t num_valid_parts_ = 0;  // that are known to be UTF-8
  size_t num_valid_bytes_ = 0;  // of the part after those
  size_t take_bytes_;           // at the next step

  // Where the text goes on.
  size_t part_ = 0;
  size_t part_at_ = 0;
  std::optional<AddedTokenScan> scan_;  // of that part, if tokens are looked for in it

  // The plain stretch at hand, from the token before it to the one after.
  std::string raw_;                // taken in, not normalized
  NormalizerStream stream_;        // what of it waits for what follows
  std::string normal_;             // normalized, not cut into words
  bool is_first_ = true;           // nothing of it was cut into words
  int32_t token_ = -1;             // that ends it
  std::vector<ByteRange> parsed_;  // of raw_, where tokens are looked for in what becomes of it
};

}  // namespace rerank
