// The second stage of a tokenizer: pre-tokenizers one after the other, each cutting what the one before
// leaves.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "text/json_view.h"
#include "tokenizer/pre_tokenizers/pre_tokenizer.h"

namespace rerank {

using PreTokenizerSteps = std::vector<std::unique_ptr<PreTokenizer>>;

// Appends what a member of "pre_tokenizer" says. Throws Error that names the key.
using PreTokenizerReader = void(const JsonView& step, PreTokenizerSteps& steps);

// Any number of threads may use one at once.
class PreTokenizers {
 public:
  PreTokenizers() = default;
  explicit PreTokenizers(PreTokenizerSteps steps) : steps_(std::move(steps)) {}

  // Visits the pre-tokens of a whole text in order. REQUIRES: text is valid UTF-8.
  void split(std::string_view text, PreTokenVisit visit) const { run(0, PreToken{text, text.data()}, visit); }

  // A text may be split in pieces: with what prefix_of gives before it, by split_settled over and over, from
  // where that stopped, with more of the text each time, and split_rest.
  std::string_view prefix_of(std::string_view text) const {
    return steps_.empty() ? std::string_view() : steps_.front()->prefix_of(text);
  }
  size_t split_settled(std::string_view text, PreTokenVisit visit) const;
  void split_rest(std::string_view text, PreTokenVisit visit) const;

 private:
  void run(size_t index, const PreToken& whole, PreTokenVisit visit) const;

  PreTokenizerSteps steps_;
};

// How the members of "pre_tokenizer" are spelled in bytes afterwards: a ByteLevel step, which is the last.
struct ReadPreTokenizers {
  PreTokenizers steps;
  bool is_byte_level = false;
  bool is_empty = true;
};

// The member "pre_tokenizer" of a tokenizer.json. Throws Error that names the key.
ReadPreTokenizers read_pre_tokenizers(const JsonView& root);

// Every pre-tokenizer that the list has: what each does is in its file.
PreTokenizerReader read_split, read_byte_level, read_bert_pre_tokenizer, read_whitespace_split,
    read_metaspace;

}  // namespace rerank
