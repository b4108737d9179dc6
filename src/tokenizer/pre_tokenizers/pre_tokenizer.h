// Cuts normalized text into pre-tokens, the stretches that BPE works on: some Split steps, then the ByteLevel
// step.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tokenizer/pre_tokenizers/split_regex.h"

namespace rerank {

// Which of the stretches that a Split pattern cuts a text into go on; each goes on by itself.
enum class SplitKeeps {
  kAll,      // behavior Isolated
  kMatches,  // Removed, inverted
  kGaps,     // Removed
};

struct SplitStep {
  std::string pattern;
  SplitKeeps keeps = SplitKeeps::kAll;
};

struct PreTokenizerSpec {
  std::vector<SplitStep> splits;
  bool add_prefix_space = false;  // before each stretch that the splits leave, unless it begins with a space
  bool use_regex = false;         // cut by GPT-2's pattern after that
};

// Any number of threads may use one at once.
class PreTokenizer {
 public:
  // Throws Error{kUnsupported} for a pattern that cannot be run, see split_pattern.h.
  explicit PreTokenizer(const PreTokenizerSpec& spec);

  // Calls visit(pre_token) for each, in order; none is empty. REQUIRES: text is valid UTF-8.
  template <typename Visit>
  void split(std::string_view text, const Visit& visit) const {
    run(0, text, visit);
  }

  // A text may be split in pieces: with the space before it where this says so (unless it begins with one),
  // by split_settled over and over, from where that stopped, with more of the text each time, and split_rest.
  bool begins_with_space() const { return !steps_.empty() && steps_.front().prefix_space; }
  // Visits the first pre-tokens of all texts that begin with `text` and returns how many bytes they are.
  template <typename Visit>
  size_t split_settled(std::string_view text, const Visit& visit) const {
    if (steps_.empty()) return 0;
    return steps_.front().regex.split_settled(
        text, [&](std::string_view piece, bool is_match) { pass_on(0, piece, is_match, visit); });
  }
  template <typename Visit>
  void split_rest(std::string_view text, const Visit& visit) const {
    if (steps_.empty()) return run(0, text, visit);
    steps_.front().regex.split(
        text, [&](std::string_view piece, bool is_match) { pass_on(0, piece, is_match, visit); });
  }

 private:
  struct Step {
    SplitRegex regex;
    SplitKeeps keeps;
    bool prefix_space;  // before the cut
  };

  template <typename Visit>
  void run(size_t index, std::string_view text, const Visit& visit) const {
    if (text.empty()) return;
    if (index == steps_.size()) {
      with_prefix_space(final_prefix_space_, text, visit);
      return;
    }
    const Step& step = steps_[index];
    with_prefix_space(step.prefix_space, text, [&](std::string_view whole) {
      step.regex.split(
          whole, [&](std::string_view piece, bool is_match) { pass_on(index, piece, is_match, visit); });
    });
  }

  // What step `index` cut off goes to the next one, if it is kept.
  template <typename Visit>
  void pass_on(size_t index, std::string_view piece, bool is_match, const Visit& visit) const {
    const SplitKeeps keeps = steps_[index].keeps;
    if (keeps == SplitKeeps::kAll || is_match == (keeps == SplitKeeps::kMatches))
      run(index + 1, piece, visit);
  }

  template <typename Visit>
  static void with_prefix_space(bool wanted, std::string_view text, const Visit& visit) {
    if (wanted && text.front() != ' ') {
      std::string prefixed = " ";
      prefixed += text;
      visit(std::string_view(prefixed));
    } else {
      visit(text);
    }
  }

  std::vector<Step> steps_;
  bool final_prefix_space_ = false;
};

}  // namespace rerank
