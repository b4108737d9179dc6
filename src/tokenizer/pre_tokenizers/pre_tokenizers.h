// The second stage of a tokenizer: a sequence of pre-tokenizers, each of which splits the output of the
// previous one.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_view.h"
#include "tokenizer/pre_tokenizers/pre_tokenizer.h"

namespace rerank {

using PreTokenizerSteps = std::vector<std::unique_ptr<PreTokenizer>>;

// Appends the pre-tokenizer in a member of "pre_tokenizer". Throws Error that names the key.
using PreTokenizerReader = void(const JsonView& step, PreTokenizerSteps& steps);

// Safe from any number of threads at once.
class PreTokenizers {
 public:
  PreTokenizers() = default;
  explicit PreTokenizers(PreTokenizerSteps steps) : steps_(std::move(steps)) {}

  // Visits the pre-tokens of a whole text in order. REQUIRES: text is valid UTF-8.
  void split(std::string_view text, PreTokenVisit visit) const { run(0, PreToken{text, text.data()}, visit); }

  // To split a text in pieces: insert prefix_of before it, call split_settled repeatedly from where it
  // stopped, with more text each time, and finally split_rest.
  std::string_view prefix_of(std::string_view text) const {
    return steps_.empty() ? std::string_view() : steps_.front()->prefix_of(text);
  }
  size_t split_settled(std::string_view text, PreTokenVisit visit) const;
  void split_rest(std::string_view text, PreTokenVisit visit) const;

 private:
  void run(size_t index, const PreToken& whole, PreTokenVisit visit) const;

  PreTokenizerSteps steps_;
};

// Whether pre-tokens are written in the byte-level alphabet: by a ByteLevel step, which is the last.
struct ReadPreTokenizers {
  PreTokenizers steps;
  bool is_byte_level = false;
  bool is_empty = true;
};

// Reads "pre_tokenizer" of tokenizer.json. Throws Error that names the key.
ReadPreTokenizers read_pre_tokenizers(const JsonView& root);

// The readers of all pre-tokenizers. Each pre-tokenizer is described in its file.
PreTokenizerReader read_split, read_byte_level, read_bert_pre_tokenizer, read_whitespace_split,
    read_metaspace;

}  // namespace rerank
