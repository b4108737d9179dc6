// Tokens that are recognised in the text itself, before the model sees it: matching them with every flag.
// Which id a token has and whether it may be recognised at all is decided elsewhere.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rerank {

struct AddedToken {
  int32_t id = 0;
  std::string content;
  bool single_word = false;  // not directly after or before a word character
  bool lstrip = false;       // takes the white space before it too
  bool rstrip = false;       // takes the white space after it too
  bool normalized =
      false;  // looked for, in normalized form, in normalized text; else as it is in the text as it is
  bool special = false;
};

// Finds one set of tokens, the leftmost first and of those the longest. Any number of threads may use one at
// once.
class AddedTokenMatcher {
 public:
  // Of tokens with the same content, the first counts. REQUIRES: no content is empty.
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  bool is_empty() const { return tokens_.empty(); }

  // One stretch of text: a token's, or plain text.
  struct Stretch {
    size_t begin;
    size_t end;
    int32_t id;  // -1: plain text
  };

  // Appends the stretches of `text` in order, as far as the token after `max_tokens` others. They cover it,
  // or the part before that. Where a token that takes white space after it is followed by a token of white
  // space, they overlap, as in the Hugging Face library; the second is left out if it has lstrip, since
  // nothing is left of it (the library sometimes fails there). REQUIRES: text is valid UTF-8.
  void find(std::string_view text, size_t max_tokens, std::vector<Stretch>& stretches) const;

 private:
  friend class AddedTokenScan;

  struct Node {
    std::vector<std::pair<char, uint32_t>> children;  // byte, index of a node
    int32_t token = -1;                               // index into tokens_ of what ends here
  };

  struct Hit {
    size_t begin;
    size_t end;
    int32_t token;  // -1: none
  };
  // The first that begins in [from, to).
  Hit next_hit(std::string_view text, size_t from, size_t to) const;

  std::vector<AddedToken> tokens_;
  bool has_lstrip_ = false;
  std::vector<Node> nodes_;         // a trie; the root is the first
  std::array<bool, 256> begins_{};  // whether some content begins with the byte
};

// The stretches of a text one after the other, as AddedTokenMatcher::find gives them but for plain text,
// which comes in pieces.
class AddedTokenScan {
 public:
  // Matcher and text must outlive it. REQUIRES: text is valid UTF-8.
  AddedTokenScan(const AddedTokenMatcher& matcher, std::string_view text) : matcher_(matcher), text_(text) {}

  // Nothing at the end. Looks at about `num_bytes` bytes, more only in white space. REQUIRES:
  // num_bytes > 0.
  std::optional<AddedTokenMatcher::Stretch> next(size_t num_bytes);

 private:
  const AddedTokenMatcher& matcher_;
  const std::string_view text_;
  size_t covered_ = 0;                               // where what was given ends
  size_t search_at_ = 0;                             // no token begins before that was not given
  size_t white_from_ = 0;                            // where the white space that ends there begins
  std::optional<AddedTokenMatcher::Stretch> token_;  // comes next
};

}  // namespace rerank
