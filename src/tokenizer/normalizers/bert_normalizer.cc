// BertNormalizer: removes control characters, replaces white space by spaces, surrounds ideographs with
// spaces, strips accents and converts to lower case; and Lowercase, which does only the last. Three steps,
// each of which copies long stretches of unchanged text at once.
#include <algorithm>

#include "base/utf8.h"
#include "tokenizer/normalizers/decomposition.h"
#include "tokenizer/normalizers/nfc.h"
#include "tokenizer/normalizers/normalizers.h"
#include "tokenizer/unicode/character_flags.h"

namespace rerank {
namespace {

// A text of which some places are rewritten.
class Rewriting {
 public:
  Rewriting(std::string_view text, std::string& storage, std::vector<Origin>* origins)
      : text_(text), storage_(storage), origins_(origins) {}

  // Returns the string to which the replacement of the bytes from `begin` on is to be appended; `close`
  // follows.
  std::string& open(size_t begin) {
    if (!is_changed_) storage_.clear();
    is_changed_ = true;
    storage_.append(text_, copied_, begin - copied_);
    return storage_;
  }
  // The text appended from `normal_begin` on is made from [begin, end).
  void note(size_t begin, size_t end, size_t normal_begin) {
    if (origins_ != nullptr) origins_->push_back({begin, end, normal_begin, storage_.size()});
  }
  void close(size_t end) {
    copied_ = end;
    note(end, end, storage_.size());
  }
  std::string_view finish() {
    if (!is_changed_) return text_;
    storage_.append(text_, copied_);
    return storage_;
  }

 private:
  const std::string_view text_;
  std::string& storage_;
  std::vector<Origin>* const origins_;
  size_t copied_ = 0;
  bool is_changed_ = false;
};

// The changes that are decided one code point at a time.
class BertCharacters final : public Normalizer {
 public:
  BertCharacters(bool cleans, bool sets_ideographs_apart)
      : cleans_(cleans),
        looked_for_((cleans ? CharacterFlags::kBertControl | CharacterFlags::kWhiteSpace : 0) |
                    (sets_ideographs_apart ? CharacterFlags::kIdeograph : 0)) {}

  std::string_view apply(std::string_view text, std::string& storage,
                         std::vector<Origin>* origins) const override {
    const CharacterFlags& flags = CharacterFlags::shared();
    Rewriting rewriting(text, storage, origins);
    for (size_t at = 0; at < text.size();) {
      if (is_ascii(text[at]) && (!cleans_ || (text[at] >= ' ' && text[at] != '\x7f'))) {
        ++at;
        continue;
      }
      const size_t begin = at;
      const char32_t c = next_code_point(text, at);
      if (!flags.has(c, looked_for_)) continue;
      std::string& out = rewriting.open(begin);
      const size_t normal_begin = out.size();
      if (flags.has(c, looked_for_ & CharacterFlags::kIdeograph)) {
        out += ' ';
        out += text.substr(begin, at - begin);
        out += ' ';
      } else if (!flags.has(c, CharacterFlags::kBertControl)) {
        out += ' ';
      }
      rewriting.note(begin, at, normal_begin);
      rewriting.close(at);
    }
    return rewriting.finish();
  }
  size_t cut_of(std::string_view prefix) const override { return last_code_point(prefix); }
  size_t growth() const override { return 2; }

 private:
  bool cleans_;
  unsigned looked_for_;
};

// The canonical decomposition without nonspacing marks.
class StripAccents final : public Normalizer {
 public:
  std::string_view apply(std::string_view text, std::string& storage,
                         std::vector<Origin>* origins) const override {
    const CharacterFlags& flags = CharacterFlags::shared();
    Rewriting rewriting(text, storage, origins);
    std::vector<DecomposedPoint> points;
    for (size_t at = skip_ascii(text, 0); at < text.size(); at = skip_ascii(text, at)) {
      const size_t begin = at;
      const char32_t first = next_code_point(text, at);
      if (nfc_kind(first) == NfcKind::kInert) {
        if (!flags.has(first, CharacterFlags::kNonspacingMark)) continue;
        rewriting.open(begin);
        rewriting.close(at);
        continue;
      }
      // Marks are reordered across their whole run; other code points decompose independently.
      while (at < text.size()) {
        size_t next = at;
        if (nfc_kind(next_code_point(text, next)) != NfcKind::kReacts) break;
        at = next;
      }
      points.clear();
      decompose(text.substr(begin, at - begin), points);
      const auto is_stripped = [&](const DecomposedPoint& point) {
        return flags.has(point.code, CharacterFlags::kNonspacingMark);
      };
      if (points.size() == 1 && points.front().code == first && !is_stripped(points.front())) continue;
      std::string& out = rewriting.open(begin);
      for (const DecomposedPoint& point : points) {
        if (is_stripped(point)) continue;
        const size_t normal_begin = out.size();
        append_utf8(point.code, out);
        rewriting.note(begin + point.begin, begin + point.end, normal_begin);
      }
      rewriting.close(at);
    }
    return rewriting.finish();
  }
  size_t cut_of(std::string_view prefix) const override { return last_nfc_boundary(prefix); }
};

class Lowercase final : public Normalizer {
 public:
  std::string_view apply(std::string_view text, std::string& storage,
                         std::vector<Origin>* origins) const override {
    const CharacterFlags& flags = CharacterFlags::shared();
    const auto changes = [](char c) { return (c >= 'A' && c <= 'Z') || !is_ascii(c); };
    const auto first = static_cast<size_t>(std::ranges::find_if(text, changes) - text.begin());
    if (first == text.size()) return text;
    storage.assign(text, 0, first);
    for (size_t at = first; at < text.size();) {
      if (is_ascii(text[at])) {
        const char c = text[at++];
        storage += static_cast<char>(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
        continue;
      }
      const size_t begin = at;
      const size_t normal_begin = storage.size();
      const char32_t c = next_code_point(text, at);
      if (!flags.has(c, CharacterFlags::kUppercase)) {
        storage.append(text, begin, at - begin);
        continue;
      }
      append_lowercase(c, storage);
      if (origins != nullptr) origins->push_back({begin, at, normal_begin, storage.size()});
    }
    return storage;
  }
  size_t cut_of(std::string_view prefix) const override { return last_code_point(prefix); }
  size_t growth() const override { return 2; }
};

}  // namespace

void read_bert_normalizer(const JsonView& step, NormalizerSteps& steps) {
  step.allow_only({"type", "clean_text", "handle_chinese_chars", "strip_accents", "lowercase"});
  const bool lowercase = step.boolean_or("lowercase", true);
  const bool cleans = step.boolean_or("clean_text", true);
  const bool sets_ideographs_apart = step.boolean_or("handle_chinese_chars", true);
  if (cleans || sets_ideographs_apart) {
    steps.push_back(std::make_unique<BertCharacters>(cleans, sets_ideographs_apart));
  }
  if (step.boolean_or("strip_accents", lowercase)) steps.push_back(std::make_unique<StripAccents>());
  if (lowercase) steps.push_back(std::make_unique<Lowercase>());
}

void read_lowercase(const JsonView& step, NormalizerSteps& steps) {
  step.allow_only({"type"});
  steps.push_back(std::make_unique<Lowercase>());
}

}  // namespace rerank
