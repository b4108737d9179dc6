// Recognizes added tokens in the text, before the model sees it, and applies their flags. Which id a token
// has and whether it may be recognized at all is decided elsewhere.
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
  bool lstrip = false;       // includes the white space before it
  bool rstrip = false;       // includes the white space after it
  // Whether its normalized form is searched in normalized text; otherwise its content in the raw text.
  bool normalized = false;
  bool special = false;
};

// Finds one set of tokens: the leftmost first and, of those, the longest. Safe from any number of threads at
// once.
class AddedTokenMatcher {
 public:
  // If tokens have the same content, the first one counts. REQUIRES: no content is empty.
  explicit AddedTokenMatcher(std::vector<AddedToken> tokens);

  bool is_empty() const { return tokens_.empty(); }

  // A stretch of text: a token's content, or plain text.
  struct Stretch {
    size_t begin;
    size_t end;
    int32_t id;  // -1: plain text
  };

  // Appends the stretches of `text` in order, up to the token after `max_tokens` others. They cover the text
  // up to there. If a token with rstrip is followed by a token of white space, they overlap, as in the
  // Hugging Face library; the second is dropped if it has lstrip, since nothing is left of it (the library
  // sometimes fails there). REQUIRES: text is valid UTF-8.
  void find(std::string_view text, size_t max_tokens, std::vector<Stretch>& stretches) const;

 private:
  friend class AddedTokenScan;

  struct Node {
    std::vector<std::pair<char, uint32_t>> children;  // byte, index of a node
    int32_t token = -1;                               // index into tokens_ of the token that ends here
  };

  struct Hit {
    size_t begin;
    size_t end;
    int32_t token;  // -1: none
  };
  // The first hit that begins in [from, to).
  Hit next_hit(std::string_view text, size_t from, size_t to) const;

  std::vector<AddedToken> tokens_;
  bool has_lstrip_ = false;
  std::vector<Node> nodes_;         // a trie; the root is the first
  std::array<bool, 256> begins_{};  // whether some content begins with the byte
};

// Iterates over the stretches of a text, the same as those of AddedTokenMatcher::find except that plain text
// comes in pieces.
class AddedTokenScan {
 public:
  // Matcher and text must outlive it. REQUIRES: text is valid UTF-8.
  AddedTokenScan(const AddedTokenMatcher& matcher, std::string_view text) : matcher_(matcher), text_(text) {}

  // Returns nullopt at the end. Looks at about `num_bytes` bytes, and more only in white space. REQUIRES:
  // num_bytes > 0.
  std::optional<AddedTokenMatcher::Stretch> next(size_t num_bytes);

 private:
  const AddedTokenMatcher& matcher_;
  const std::string_view text_;
  size_t covered_ = 0;                               // end of the last stretch returned
  size_t search_at_ = 0;                             // all tokens that begin before this were returned
  size_t white_from_ = 0;                            // begin of the white space that ends there
  std::optional<AddedTokenMatcher::Stretch> token_;  // the next to return
};

}  // namespace rerank
