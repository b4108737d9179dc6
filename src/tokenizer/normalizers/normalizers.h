// The first stage of a tokenizer: a sequence of normalizers.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_view.h"
#include "tokenizer/normalizers/normalizer.h"

namespace rerank {

using NormalizerSteps = std::vector<std::unique_ptr<Normalizer>>;

// Appends the normalizer in a member of "normalizer". Throws Error that names the key.
using NormalizerReader = void(const JsonView& step, NormalizerSteps& steps);

// Safe from any number of threads at once.
class Normalizers {
 public:
  Normalizers() = default;
  // Throws Error{kUnsupported} if they could make a text much longer.
  explicit Normalizers(NormalizerSteps steps);

  bool is_empty() const { return steps_.empty(); }
  const NormalizerSteps& steps() const { return steps_; }

  // Normalizes a whole text, as Normalizer::apply.
  std::string_view normalized(std::string_view text, std::string& storage) const;
  // Whether normalized text never contains the character.
  bool remove(std::string_view character) const;

 private:
  NormalizerSteps steps_;
};

// Normalizes a text piece by piece.
class NormalizerStream {
 public:
  // The normalizers must outlive it.
  explicit NormalizerStream(const Normalizers& normalizers);

  // Appends to `normal` the normalized text that no later piece can change, or the rest if `is_end`. A piece
  // may end within a code point.
  void push(std::string_view piece, bool is_end, std::string& normal);

  // Bytes of text that wait for later pieces.
  size_t num_pending_bytes() const;

 private:
  const Normalizers& normalizers_;
  std::string partial_;               // an incomplete code point
  std::vector<std::string> pending_;  // [steps], the input of each
};

// Reads "normalizer" of tokenizer.json. Throws Error that names the key.
Normalizers read_normalizers(const JsonView& root);

// The readers of all normalizers. Each normalizer is described in its file.
NormalizerReader read_nfc, read_replace, read_bert_normalizer, read_lowercase, read_strip, read_precompiled;

}  // namespace rerank
