#include "tokenizer/token_pieces.h"

#include <algorithm>
#include <string>
#include <utility>

#include "tokenizer/normalizers/normal_text.h"

namespace rerank {
namespace {

// Counts code points up to a position, starting from the previous one: consecutive positions are close.
class CodePointCount {
 public:
  explicit CodePointCount(std::string_view text) : text_(text) {}

  // The number of code points that begin before `at`.
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
    const bool parse = special == SpecialTokens::kParse;
    if (!parse && tokenizer_.text_tokens().is_empty()) {
      add_normalized({0, text_.size()}, false);
      return std::move(pieces_);
    }
    const AddedTokenMatcher& matcher = parse ? tokenizer_.raw_tokens() : tokenizer_.text_tokens();
    for (const AddedTokenMatcher::Stretch& stretch : stretches(matcher, text_)) {
      if (stretch.id >= 0) {
        add(stretch.id, {stretch.begin, stretch.end}, tokenizer_.is_special(stretch.id));
      } else {
        add_normalized({stretch.begin, stretch.end}, parse);
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

  void add_normalized(ByteRange bytes, bool parse) {
    const std::string_view text = text_.substr(bytes.begin, bytes.end - bytes.begin);
    const NormalText normal(text, tokenizer_.normalizers());
    const auto origin = [&](size_t first, size_t last) {
      const ByteRange own = normal.bytes_of(first, last);
      return ByteRange{bytes.begin + own.begin, bytes.begin + own.end};
    };
    if (!parse) return add_plain(normal.text(), SpecialTokens::kAsText, origin);
    for (const AddedTokenMatcher::Stretch& stretch :
         stretches(tokenizer_.normalized_tokens(), normal.text())) {
      if (stretch.id >= 0) {
        add(stretch.id, origin(stretch.begin, stretch.end), tokenizer_.is_special(stretch.id));
      } else {
        add_plain(
            normal.text().substr(stretch.begin, stretch.end - stretch.begin), SpecialTokens::kParse,
            [&](size_t first, size_t last) { return origin(stretch.begin + first, stretch.begin + last); });
      }
    }
  }

  // Adds the tokens of some normalized text; origin(first, last) returns the original bytes.
  template <typename Origin>
  void add_plain(std::string_view normal, SpecialTokens special, const Origin& origin) {
    std::vector<int32_t> ids;
    std::vector<size_t> ends;
    tokenizer_.split(normal, [&](const PreToken& word) {
      ids.clear();
      ends.clear();
      tokenizer_.append_word(word.text, special, ids, ends);
      size_t begin = 0;
      for (size_t i = 0; i < ids.size(); begin = ends[i++]) {
        const PreToken token = word.part(begin, ends[i]);
        // What a step inserted before the text is not part of it.
        const auto at = static_cast<size_t>(token.origin - normal.data());
        const size_t copied = token.text.size() - std::min(token.head, token.text.size());
        add(ids[i], origin(at - token.head_origin, at + copied), tokenizer_.is_special(ids[i]));
      }
    });
  }

  // Widens the range to whole code points.
  void add(int32_t id, ByteRange bytes, bool special) {
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
