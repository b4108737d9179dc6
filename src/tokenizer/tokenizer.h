// Text to token ids and back, as a Hugging Face tokenizer.json says. Prompt templates and truncation are not
// here.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "rerank/types.h"
#include "tokenizer/post_processors/token_frame.h"

namespace rerank {

enum class SpecialTokens {
  // No added token is recognised but those that are text themselves: with byte fallback, the tokens of
  // model.vocab that are not special, such as Gemma's line breaks and HTML tags.
  kAsText,
  kParse,  // as the Hugging Face library does, also in what normalization makes of a text
};

// Ids are those of the Hugging Face tokenizers package (0.23), which pins the Unicode versions too: general
// categories of Unicode 16.0, NFC of Unicode 9.0. Any number of threads may use one at once.
class Tokenizer {
 public:
  class Impl;  // this room's own

  // Reads a tokenizer.json, or the vocab.txt of an older BERT repository with the tokenizer_config.json
  // beside it. Throws Error that names the file and the key: kNotFound if it cannot be read, kInvalidArgument
  // if it is malformed, kUnsupported if it asks for something that would not be done exactly.
  static Tokenizer load(const std::filesystem::path& file);

  // The same from the text of such a file; `name` stands for the file in messages.
  static Tokenizer parse(std::string_view json, std::string_view name);

  // A text with a longer stretch that is not cut into words, or that normalization cannot cut, is refused:
  // what such a stretch becomes is not known before its end, and takes some 15 ms. 32 KiB for BPE, 256 for
  // others.
  size_t max_stretch_bytes() const;

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Appends the ids of `text`. Throws Error{kInvalidArgument} if it is not UTF-8, naming the byte offset, or
  // has a stretch that is too long; ids are unchanged then. Step by step: see text_encoding.h.
  void encode(std::string_view text, SpecialTokens special, std::vector<int32_t>& ids) const;

  // What is around a text or a pair of texts.
  const TokenFrames& frames() const;

  // Whether a text with these words in it becomes the ids of what ends with `before` and of what begins with
  // `after`, whatever the rest is. Of a tokenizer without byte fallback that is what its pattern says, which
  // is not looked at: true. REQUIRES: both are valid UTF-8 and not empty.
  bool splits_between(std::string_view before, std::string_view after) const;

  // The tokens of `encode` with their places. Throws as encode.
  std::vector<TokenPiece> pieces(std::string_view text, SpecialTokens special) const;

  // The bytes of the tokens, which need not be whole UTF-8; added tokens by their content.
  // Throws Error{kInvalidArgument} for an id that no token has.
  std::string decode(std::span<const int32_t> ids) const;

  // The id of an added token's content or of a vocabulary entry as the file writes it (a space is then
  // U+0120).
  std::optional<int32_t> token_id(std::string_view token) const;

  // One past the largest id.
  int32_t vocab_size() const;

 private:
  friend class TextEncoding;
  explicit Tokenizer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace rerank
