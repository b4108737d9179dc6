// The third stage of a tokenizer: the ids of one pre-token. Each model is a file of this folder and a line in
// the list of models.cc.
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

// Ids of special tokens, which no plain text may become.
using ControlTokens = std::vector<bool>;  // [id_end]

// Any number of threads may use one at once.
class TokenModel {
 public:
  explicit TokenModel(Vocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}
  virtual ~TokenModel() = default;

  const Vocabulary& vocabulary() const { return vocabulary_; }

  // Appends the ids of a pre-token, none of `controls`, and where in it each ends unless `ends` is nullptr.
  // REQUIRES: word is not empty.
  virtual void append(std::string_view word, const ControlTokens& controls, std::vector<std::int32_t>& ids,
                      std::vector<std::size_t>* ends) const = 0;

  // Whether ids depend on `controls`; else none of them comes of plain text, or is_made_of_text says so.
  virtual bool looks_at_controls() const { return false; }
  // Whether plain text becomes the token of this text by rules that cannot leave it out.
  virtual bool is_made_of_text(std::string_view) const { return false; }

  // A longer pre-token takes too long to hold others up for it.
  virtual std::size_t max_word_bytes() const = 0;

  // Where a text is cut for it in place of a pre-tokenizer; nullptr: it needs one.
  virtual const PreTokenizer* own_cuts() const { return nullptr; }
  // Whether two neighbouring characters become ids that depend on each other. REQUIRES: own_cuts.
  virtual bool joins(char32_t, char32_t) const { return true; }
  // The one byte that a token is, where it is written otherwise.
  virtual std::optional<char> byte_of(std::int32_t) const { return std::nullopt; }

 protected:
  Vocabulary vocabulary_;
};

}  // namespace rerank
