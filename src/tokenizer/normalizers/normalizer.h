// The first stage: text to normalized text. NFC, or single characters replaced by others.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/normalizers/nfc.h"

namespace rerank {

// Every `pattern` becomes `content`.
struct Replacement {
  std::string pattern;  // one code point
  std::string content;
};

// Replacements one after the other as one pass over a text. Any number of threads may use one at once.
class Replacements {
 public:
  // Throws Error{kUnsupported} if they make more of a character than is sensible.
  explicit Replacements(const std::vector<Replacement>& steps);

  bool is_empty() const { return rules_.empty(); }
  // Whether no text has the character afterwards.
  bool removes(std::string_view character) const;

  // As to_nfc.
  std::string_view apply(std::string_view text, std::string& storage) const;
  std::string_view apply(std::string_view text, std::string& storage, std::vector<NfcOrigin>& origins) const;

 private:
  template <typename Visit>
  std::string_view replace(std::string_view text, std::string& storage, const Visit& visit) const;

  std::vector<Replacement> rules_;
  std::array<bool, 256> begins_{};  // whether some pattern begins with the byte
};

struct NormalizerSpec {
  bool nfc = false;
  std::vector<Replacement> replacements;  // REQUIRES: none with nfc
};

class Normalizer {
 public:
  explicit Normalizer(const NormalizerSpec& spec) : nfc_(spec.nfc), replacements_(spec.replacements) {}

  // As to_nfc, with origins too.
  std::string_view normalized(std::string_view text, std::string& storage) const;
  std::string_view normalized(std::string_view text, std::string& storage,
                              std::vector<NfcOrigin>& origins) const;
  // Where a text that begins with `prefix` may be cut, and its pieces normalized apart; 0 where nowhere.
  size_t cut_of(std::string_view prefix) const;

 private:
  bool nfc_;
  Replacements replacements_;
};

}  // namespace rerank
