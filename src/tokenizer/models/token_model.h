// The third stage of a tokenizer: from one pre-token to ids. Each model has a file in this folder and a row
// in the list in models.cc.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "tokenizer/models/vocabulary.h"
#include "tokenizer/pre_tokenizers/pre_tokenizer.h"

namespace rerank {

// Marks the ids of special tokens, which plain text must never produce.
using ControlTokens = std::vector<bool>;  // [id_end]

// Safe from any number of threads at once.
class TokenModel {
 public:
  explicit TokenModel(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  virtual ~TokenModel() = default;

  const Vocabulary& vocabulary() const { return vocabulary_; }

  // Appends the ids of a pre-token, none of them in `controls`, and where each ends in it if `ends` is not
  // nullptr. REQUIRES: word is not empty.
  virtual void append(std::string_view word, const ControlTokens& controls, std::vector<std::int32_t>& ids,
                      std::vector<std::size_t>* ends) const = 0;

  // Whether ids depend on `controls`; otherwise plain text produces none of them, or is_made_of_text reports
  // it.
  virtual bool looks_at_controls() const { return false; }
  // Whether plain text becomes the token with this text by rules that cannot exclude it.
  virtual bool is_made_of_text(std::string_view) const { return false; }

  // A longer pre-token would take so long that it delays other requests.
  virtual std::size_t max_word_bytes() const = 0;

  // How text is cut if the model replaces the pre-tokenizer; nullptr: it needs a pre-tokenizer.
  virtual const PreTokenizer* own_cuts() const { return nullptr; }
  // Whether two neighbouring characters may become ids that depend on each other. REQUIRES: own_cuts.
  virtual bool joins(char32_t, char32_t) const { return true; }
  // The byte of a token that represents a single byte in a special notation.
  virtual std::optional<char> byte_of(std::int32_t) const { return std::nullopt; }

 protected:
  Vocabulary vocabulary_;
};

}  // namespace rerank
