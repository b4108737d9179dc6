// A text on its way to ids in steps of some KiB, so that whoever encodes can do something else in between,
// and no further than its first ids are wanted.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/added_tokens.h"
#include "tokenizer/tokenizer.h"

namespace rerank {

// Somebody's text and the words of ours before and after it, encoded as one.
struct FramedText {
  std::string_view before;
  std::string_view text;
  std::string_view after;
};

class TextEncoding {
 public:
  // Tokenizer and texts must outlive it. `before` and `after` are short and UTF-8. The first step takes in
  // `first_bytes` of the text, the later ones up to some KiB.
  TextEncoding(const Tokenizer& tokenizer, const FramedText& text, SpecialTokens special, size_t max_ids,
               size_t first_bytes);
  TextEncoding(const Tokenizer& tokenizer, const FramedText& text, SpecialTokens special, size_t max_ids)
      : TextEncoding(tokenizer, text, special, max_ids, bytes_of(max_ids)) {}
  TextEncoding(const TextEncoding&) = delete;
  TextEncoding& operator=(const TextEncoding&) = delete;

  // A step, which takes a millisecond or so, 20 at most; true once the ids are whole or more than max_ids.
  // Throws as Tokenizer::encode; byte offsets are those of `text`.
  bool advance();

  // What advance has made so far: always the first ids of the whole.
  const std::vector<int32_t>& ids() const { return ids_; }
  std::vector<int32_t> take_ids() { return std::move(ids_); }
  // Whether no id is missing, once advance gave true.
  bool is_whole() const { return is_whole_; }

 private:
  using Stretch = AddedTokenMatcher::Stretch;

  // What as many tokens may be, but some KiB at most.
  static size_t bytes_of(size_t num_ids);

  bool is_valid();
  bool begin();
  void begin_stretch(std::string_view text);
  void end_stretch();
  void take_in();
  void append_whole(std::string_view text);
  bool step();

  const Tokenizer& tokenizer_;
  FramedText framed_;
  const SpecialTokens special_;
  const size_t max_ids_;
  std::vector<int32_t> ids_;
  bool is_whole_ = false;
  bool has_begun_ = false;
  size_t num_bytes_ = 0;  // of all three
  size_t num_valid_ = 0;  // bytes of the text that are known to be UTF-8

  // Where the text is short or added tokens are recognised: all of it, and its stretches.
  std::string joined_;
  std::string_view whole_;
  std::vector<Stretch> stretches_;
  size_t next_stretch_ = 0;

  // The plain stretch at hand.
  std::array<std::string_view, 3> parts_;
  size_t part_ = 0;       // that is taken in
  size_t part_at_ = 0;    // the byte of it that is next
  std::string raw_;       // taken in, not normalized
  std::string normal_;    // normalized, not cut into words
  bool is_first_ = true;  // nothing of it was cut into words
  size_t take_bytes_;     // at the next step
};

}  // namespace rerank
