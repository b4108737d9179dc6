// BertPreTokenizer, which splits at white space and makes each punctuation character a word, and
// WhitespaceSplit, which splits at white space only. White space is dropped. The end of a word is determined
// by the next character alone.
#include <array>

#include "base/utf8.h"
#include "tokenizer/pre_tokenizers/pre_tokenizers.h"
#include "tokenizer/unicode/character_flags.h"

namespace rerank {
namespace {

class WordSplit final : public PreTokenizer {
 public:
  explicit WordSplit(bool isolates_punctuation)
      : ends_word_(CharacterFlags::kWhiteSpace |
                   (isolates_punctuation ? unsigned{CharacterFlags::kBertPunctuation} : 0u)) {
    for (size_t c = 0; c < ends_word_ascii_.size(); ++c) {
      ends_word_ascii_[c] = CharacterFlags::shared().has(static_cast<char32_t>(c), ends_word_);
    }
  }

  void split_prefixed(const PreToken& whole, PreTokenVisit visit) const override {
    const size_t rest = run(whole, visit);
    if (rest < whole.text.size()) visit(whole.part(rest, whole.text.size()));
  }
  size_t split_settled(std::string_view text, PreTokenVisit visit) const override {
    return run(PreToken{text, text.data()}, visit);
  }

 private:
  // Visits the complete words; returns where the remaining one begins.
  size_t run(const PreToken& whole, PreTokenVisit visit) const {
    const CharacterFlags& flags = CharacterFlags::shared();
    const std::string_view text = whole.text;
    size_t begin = 0;
    for (size_t at = 0; at < text.size();) {
      const size_t border = at;
      if (is_ascii(text[at])) {
        if (!ends_word_ascii_[static_cast<unsigned char>(text[at++])]) continue;
      } else if (!flags.has(next_code_point(text, at), ends_word_)) {
        continue;
      }
      if (begin < border) visit(whole.part(begin, border));
      size_t again = border;
      if (!flags.has(next_code_point(text, again), CharacterFlags::kWhiteSpace)) {
        visit(whole.part(border, at));
      }
      begin = at;
    }
    return begin;
  }

  unsigned ends_word_;
  std::array<bool, 128> ends_word_ascii_{};
};

}  // namespace

void read_bert_pre_tokenizer(const JsonView& step, PreTokenizerSteps& steps) {
  step.allow_only({"type"});
  steps.push_back(std::make_unique<WordSplit>(true));
}

void read_whitespace_split(const JsonView& step, PreTokenizerSteps& steps) {
  step.allow_only({"type"});
  steps.push_back(std::make_unique<WordSplit>(false));
}

}  // namespace rerank
