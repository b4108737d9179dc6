// The first stage of a tokenizer: normalizers one after the other.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_view.h"
#include "tokenizer/normalizers/normalizer.h"

namespace rerank {

using NormalizerSteps = std::vector<std::unique_ptr<Normalizer>>;

// Appends what a member of "normalizer" says. Throws Error that names the key.
using NormalizerReader = void(const JsonView& step, NormalizerSteps& steps);

// Any number of threads may use one at once.
class Normalizers {
 public:
  Normalizers() = default;
  // Throws Error{kUnsupported} if they make far more of a text than it was.
  explicit Normalizers(NormalizerSteps steps);

  bool is_empty() const { return steps_.empty(); }
  const NormalizerSteps& steps() const { return steps_; }

  // Of a whole text, as Normalizer::apply.
  std::string_view normalized(std::string_view text, std::string& storage) const;
  // Whether no normalized text has the character.
  bool remove(std::string_view character) const;

 private:
  NormalizerSteps steps_;
};

// A text on its way through them piece by piece.
class NormalizerStream {
 public:
  // The normalizers must outlive it.
  explicit NormalizerStream(const Normalizers& normalizers);

  // Appends to `normal` what of the text is certain, whatever follows, or all of the rest at its end. A piece
  // may end within a code point.
  void push(std::string_view piece, bool is_end, std::string& normal);

  // Bytes of text that wait for what follows.
  size_t num_pending_bytes() const;

 private:
  const Normalizers& normalizers_;
  std::string partial_;               // a code point whose end is to come
  std::vector<std::string> pending_;  // [steps], before each
};

// The member "normalizer" of a tokenizer.json. Throws Error that names the key.
Normalizers read_normalizers(const JsonView& root);

// Every normalizer that the list has: what each does is in its file.
NormalizerReader read_nfc, read_replace, read_bert_normalizer, read_lowercase, read_strip, read_precompiled;

}  // namespace rerank
