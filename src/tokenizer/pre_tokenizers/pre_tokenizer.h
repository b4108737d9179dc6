// One step of the second stage of a tokenizer: from normalized text to pre-tokens, which the model encodes
// independently. Each has a file in this folder and a row in the list in pre_tokenizers.cc.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <type_traits>

namespace rerank {

// A stretch of normalized text. A step may have inserted some bytes at its front, or replaced its first
// bytes.
struct PreToken {
  std::string_view text;
  const char* origin;      // position in the normalized text, after the head
  size_t head = 0;         // inserted bytes at the front of `text`
  size_t head_origin = 0;  // bytes of the normalized text before `origin` that they replace
  bool is_copy = false;    // `text` is a temporary copy, valid during the visit

  // Bytes [begin, end) of `text`.
  PreToken part(size_t begin, size_t end) const {
    PreToken made{text.substr(begin, end - begin), origin, head, head_origin, is_copy};
    if (begin > 0) {
      made.head = head > begin ? head - begin : 0;
      if (made.head == 0) made.head_origin = 0;
      made.origin += begin > head ? begin - head : 0;
    }
    return made;
  }
};

// A function that receives pre-tokens. It is a view: the function must outlive it.
class PreTokenVisit {
 public:
  template <typename Visit, typename = std::enable_if_t<!std::is_same_v<std::decay_t<Visit>, PreTokenVisit>>>
  PreTokenVisit(Visit&& visit)  // NOLINT(google-explicit-constructor, bugprone-forwarding-reference-overload)
      : object_(&visit), call_([](const void* object, const PreToken& token) {
          (*static_cast<const std::remove_reference_t<Visit>*>(object))(token);
        }) {}

  void operator()(const PreToken& token) const { call_(object_, token); }

 private:
  const void* object_;
  void (*call_)(const void*, const PreToken&);
};

// Safe from any number of threads at once. It never visits an empty pre-token.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;

  // What is inserted before a text that begins like this; usually nothing. REQUIRES: text is not empty.
  virtual std::string_view prefix_of(std::string_view) const { return {}; }

  // Visits the pre-tokens of a text, including its prefix, in order. REQUIRES: text is valid UTF-8.
  virtual void split_prefixed(const PreToken& whole, PreTokenVisit visit) const = 0;
  // The same for the first pre-tokens that are the same in all texts that begin with `text`; returns their
  // total bytes. They do not depend on what precedes the text.
  virtual size_t split_settled(std::string_view text, PreTokenVisit visit) const = 0;
};

}  // namespace rerank
