// A step of the second stage of a tokenizer: normalized text to pre-tokens, the stretches that the model
// works on by themselves. Each is a file of this folder and a line in the list of pre_tokenizers.cc.
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <type_traits>

namespace rerank {

// A stretch of normalized text. A step may have put some bytes before it that are not in the text, or in
// place of its first ones.
struct PreToken {
  std::string_view text;
  const char* origin;      // in the normalized text: what it is, or what follows the head
  size_t head = 0;         // bytes at the front of `text` that are no copy
  size_t head_origin = 0;  // bytes of the normalized text, before `origin`, that they count for
  bool is_copy = false;    // `text` is no part of the normalized text, and gone after the visit

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

// Whom pre-tokens are handed to. A view: what it is made of must outlive it.
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

// Any number of threads may use one at once. No pre-token that it visits is empty.
class PreTokenizer {
 public:
  virtual ~PreTokenizer() = default;

  // What comes before a text that begins so; mostly nothing. REQUIRES: text is not empty.
  virtual std::string_view prefix_of(std::string_view) const { return {}; }

  // Visits the pre-tokens of a text that has its prefix, in order. REQUIRES: text is valid UTF-8.
  virtual void split_prefixed(const PreToken& whole, PreTokenVisit visit) const = 0;
  // The same for the first pre-tokens of all texts that begin with `text`; returns how many bytes they are.
  // What they are does not depend on what is before them.
  virtual size_t split_settled(std::string_view text, PreTokenVisit visit) const = 0;
};

}  // namespace rerank
