#include "tokenizer/token_pieces.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tokenizer/nfc.h"

namespace rerank {
namespace {

// Bytes of a text.
struct Bytes {
  size_t begin, end;
};

// Normalized text that came of the bytes of a text from `begin` on.
struct NormalText {
  std::string_view text;
  size_t begin;
  std::vector<NfcOrigin> origins;

  // The bytes that normal bytes [first, last) came of.
  Bytes bytes_of(size_t first, size_t last) const {
    const size_t from = origin(first, false);
    return {from, first == last ? from : origin(last - 1, true)};
  }

 private:
  // Where the origin of the normal byte `at` begins, or ends.
  size_t origin(size_t at, bool its_end) const {
    const auto after = std::ranges::upper_bound(origins, at, {}, &NfcOrigin::normal_begin);
    if (after == origins.begin()) return begin + at + (its_end ? 1 : 0);
    const NfcOrigin& last = *std::prev(after);
    if (at < last.normal_end) return begin + (its_end ? last.end : last.begin);
    return begin + last.end + (at - last.normal_end) + (its_end ? 1 : 0);
  }
};

// Counts code points from place to place; places that follow each other are near.
class CodePointCount {
 public:
  explicit CodePointCount(std::string_view text) : text_(text) {}

  // The code points that begin before `at`.
  size_t before(size_t at) {
    for (; at_ < at; ++at_) count_ += begins(at_);
    for (; at_ > at; --at_) count_ -= begins(at_ - 1);
    return count_;
  }
  bool begins(size_t at) const { return (static_cast<unsigned char>(text_[at]) & 0xC0) != 0x80; }

 private:
  std::string_view text_;
  size_t at_ = 0;
  size_t count_ = 0;
};

class PieceFinder {
 public:
  PieceFinder(const Tokenizer::Impl& tokenizer, std::string_view text)
      : tokenizer_(tokenizer), text_(text), count_(text) {}

  std::vector<TokenPiece> run(SpecialTokens special) {
    if (special == SpecialTokens::kAsText) {
      add_normalized({0, text_.size()}, false);
      return std::move(pieces_);
    }
    for (const AddedTokenMatcher::Stretch& stretch : stretches(tokenizer_.raw_tokens(), text_)) {
      if (stretch.id >= 0) {
        add(stretch.id, {stretch.begin, stretch.end}, tokenizer_.is_special(stretch.id));
      } else {
        add_normalized({stretch.begin, stretch.end}, true);
      }
    }
    return std::move(pieces_);
  }

 private:
  static std::vector<AddedTokenMatcher::Stretch> stretches(const AddedTokenMatcher& matcher,
                                                           std::string_view text) {
    std::vector<AddedTokenMatcher::Stretch> found;
    matcher.find(text, SIZE_MAX, found);
    return found;
  }

  void add_normalized(Bytes bytes, bool parse) {
    const std::string_view text = text_.substr(bytes.begin, bytes.end - bytes.begin);
    std::string storage;
    NormalText normal{text, bytes.begin, {}};
    if (tokenizer_.spec().nfc) normal.text = to_nfc(text, storage, normal.origins);
    if (!parse) return add_plain(normal, {0, normal.text.size()});
    for (const AddedTokenMatcher::Stretch& stretch : stretches(tokenizer_.normalized_tokens(), normal.text)) {
      if (stretch.id >= 0) {
        add(stretch.id, normal.bytes_of(stretch.begin, stretch.end), tokenizer_.is_special(stretch.id));
      } else {
        add_plain(normal, {stretch.begin, stretch.end});
      }
    }
  }

  // The tokens of some normal bytes.
  void add_plain(const NormalText& normal, Bytes bytes) {
    size_t begin = bytes.begin;
    std::vector<int32_t> ids;
    const auto add_word = [&](std::string_view word) {
      ids.clear();
      tokenizer_.append_word(word, ids);
      // A space that the tokenizer puts before a word is not in the text; a word that it leaves out is.
      size_t before = word.front() == ' ' && normal.text[begin] != ' ' ? 1 : 0;
      begin = normal.text.find(word.substr(before), begin);
      for (const int32_t id : ids) {
        size_t size = tokenizer_.spec().vocabulary.bytes_of(id)->size();
        const size_t added = std::min(before, size);
        before -= added;
        size -= added;
        add(id, normal.bytes_of(begin, begin + size), false);
        begin += size;
      }
    };
    tokenizer_.pre_tokenizer().split(normal.text.substr(bytes.begin, bytes.end - bytes.begin), add_word);
  }

  // Widens the place to whole code points.
  void add(int32_t id, Bytes bytes, bool special) {
    size_t begin = bytes.begin;
    while (begin > 0 && begin < text_.size() && !count_.begins(begin)) --begin;
    size_t end = begin;
    if (bytes.end > bytes.begin) {
      end = bytes.end;
      while (end < text_.size() && !count_.begins(end)) ++end;
    }
    const size_t start = count_.before(begin);
    pieces_.push_back({.id = id,
                       .text = std::string(text_.substr(begin, end - begin)),
                       .special = special,
                       .start = static_cast<int64_t>(start),
                       .stop = static_cast<int64_t>(count_.before(end))});
  }

  const Tokenizer::Impl& tokenizer_;
  const std::string_view text_;
  CodePointCount count_;
  std::vector<TokenPiece> pieces_;
};

}  // namespace

std::vector<TokenPiece> find_pieces(const Tokenizer::Impl& tokenizer, std::string_view text,
                                    SpecialTokens special) {
  return PieceFinder(tokenizer, text).run(special);
}

}  // namespace rerank
