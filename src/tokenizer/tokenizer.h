// Converts text to token ids and back, as a Hugging Face tokenizer.json specifies. It knows neither prompt
// templates nor truncation.
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
  // Recognizes only those added tokens that are themselves text: runs of white space that are not special,
  // as in ModernBERT, and with byte fallback the tokens of model.vocab that are not special, such as Gemma's
  // line breaks and HTML tags.
  kAsText,
  kParse,  // as in the Hugging Face library, also in normalized text
};

// Produces the ids of the Hugging Face tokenizers package (0.23), which also determines the Unicode versions:
// general categories of Unicode 16.0, NFC of Unicode 9.0. Safe from any number of threads at once.
class Tokenizer {
 public:
  class Impl;  // private to this room

  // Reads a tokenizer.json, or the vocab.txt of an older BERT repository together with its
  // tokenizer_config.json. Throws Error that names the file and the key: kNotFound if it cannot be read,
  // kInvalidArgument if it is malformed, kUnsupported if it cannot be reproduced exactly.
  static Tokenizer load(const std::filesystem::path& file);

  // The same from the contents of such a file; `name` is the file's name in messages.
  static Tokenizer parse(std::string_view json, std::string_view name);

  // The longest stretch of text without a boundary between words or for normalization; longer ones are
  // rejected. Such a stretch has to be processed as a whole, which takes about 15 ms: 32 KiB for BPE, 256 KiB
  // for others.
  size_t max_stretch_bytes() const;

  Tokenizer(Tokenizer&&) noexcept;
  Tokenizer& operator=(Tokenizer&&) noexcept;
  ~Tokenizer();

  // Appends the ids of `text`. Throws Error{kInvalidArgument} if it is not UTF-8, naming the byte offset, or
  // has a stretch that is too long; ids are unchanged then. To encode in steps see text_encoding.h.
  void encode(std::string_view text, SpecialTokens special, std::vector<int32_t>& ids) const;

  // The special tokens around a text or a pair of texts.
  const TokenFrames& frames() const;

  // Whether the ids of any text can be split between `before` and `after`: those of the whole are those of
  // the two sides. Without byte fallback the pattern determines that, which is not examined here: returns
  // true. REQUIRES: both are valid UTF-8 and not empty.
  bool splits_between(std::string_view before, std::string_view after) const;

  // The tokens of `encode` and where they are in the text. Throws as encode.
  std::vector<TokenPiece> pieces(std::string_view text, SpecialTokens special) const;

  // The bytes of the tokens, which may not be complete UTF-8; added tokens by their content. Throws
  // Error{kInvalidArgument} for an unknown id.
  std::string decode(std::span<const int32_t> ids) const;

  // The id of an added token's content, or of a vocabulary entry as written in the file (where a space is
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
