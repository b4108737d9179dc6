// Precompiled: SentencePiece's character map, a double-array trie (darts-clone) from byte strings to
// replacements. Applied as in the Hugging Face library: a grapheme cluster of less than 6 bytes is replaced
// as a whole by its shortest matching entry, otherwise each code point is looked up.
#include <fmt/format.h>

#include <array>
#include <cstring>

#include "base/utf8.h"
#include "tokenizer/normalizers/normalizers.h"
#include "tokenizer/unicode/grapheme.h"

namespace rerank {
namespace {

constexpr size_t kClusterBytes = 6;

class CharacterMap {
 public:
  // `node` is the JSON it comes from, which an error names.
  CharacterMap(std::string_view blob, const JsonView& node) {
    uint32_t trie_bytes = 0;
    if (blob.size() < sizeof trie_bytes) node.refuse("is too short");
    std::memcpy(&trie_bytes, blob.data(), sizeof trie_bytes);
    blob.remove_prefix(sizeof trie_bytes);
    if (trie_bytes == 0 || trie_bytes % sizeof(uint32_t) != 0 || trie_bytes > blob.size()) {
      node.refuse("has a trie that does not fit");
    }
    units_.resize(trie_bytes / sizeof(uint32_t));
    std::memcpy(units_.data(), blob.data(), trie_bytes);
    texts_ = blob.substr(trie_bytes);
    if (first_invalid_utf8(texts_) != texts_.size()) node.refuse("has texts that are not valid UTF-8");
    for (size_t begin = 0; begin < texts_.size();) {
      const size_t end = std::min(texts_.find('\0', begin), texts_.size());
      longest_ = std::max(longest_, end - begin);
      begin = end + 1;
    }
    for (size_t c = 0; c < changes_ascii_.size(); ++c) {
      const auto character = static_cast<char>(c);
      std::string_view ignored;
      changes_ascii_[c] = find({&character, 1}, ignored);
    }
  }

  size_t longest() const { return longest_; }
  bool changes_ascii(char c) const { return changes_ascii_[static_cast<unsigned char>(c)]; }

  // Finds the replacement for the shortest entry that is a prefix of `text`; false if there is none.
  bool find(std::string_view text, std::string_view& replacement) const {
    uint32_t node = offset_of(units_[0]);
    for (const char c : text) {
      const uint32_t byte = static_cast<unsigned char>(c);
      node ^= byte;
      if (byte == 0 || node >= units_.size()) return false;
      const uint32_t unit = units_[node];
      if ((unit & (kLeaf | 0xFF)) != byte) return false;
      node ^= offset_of(unit);
      if (node >= units_.size()) return false;
      if ((unit >> 8 & 1) == 0) continue;
      const uint32_t begin = units_[node] & ~kLeaf;
      if (begin >= texts_.size() || (static_cast<unsigned char>(texts_[begin]) & 0xC0) == 0x80) return false;
      replacement = std::string_view(texts_).substr(begin, texts_.find('\0', begin) - begin);
      return true;
    }
    return false;
  }

 private:
  static constexpr uint32_t kLeaf = uint32_t{1} << 31;
  static uint32_t offset_of(uint32_t unit) { return (unit >> 10) << ((unit & (1 << 9)) >> 6); }

  std::vector<uint32_t> units_;
  std::string texts_;
  size_t longest_ = 0;
  std::array<bool, 128> changes_ascii_{};
};

class Precompiled final : public Normalizer {
 public:
  explicit Precompiled(CharacterMap map) : map_(std::move(map)) {}

  std::string_view apply(std::string_view text, std::string& storage,
                         std::vector<Origin>* origins) const override {
    size_t copied = 0;
    bool is_changed = false;
    const auto replace = [&](size_t begin, size_t end, std::string_view replacement) {
      if (!is_changed) storage.clear();
      is_changed = true;
      storage.append(text, copied, begin - copied);
      copied = end;
      if (origins != nullptr) append_origins(text, begin, end, replacement, storage.size(), *origins);
      storage += replacement;
    };
    std::string_view replacement;
    for (size_t at = 0; at < text.size();) {
      // There is a cluster boundary between any two bytes of ASCII, except in "\r\n".
      const bool is_plain = is_ascii(text[at]) && !map_.changes_ascii(text[at]) && text[at] != '\r' &&
                            (at + 1 == text.size() || is_ascii(text[at + 1]));
      if (is_plain) {
        ++at;
        continue;
      }
      const size_t end = grapheme_end(text, at);
      if (end - at < kClusterBytes && map_.find(text.substr(at, end - at), replacement)) {
        replace(at, end, replacement);
        at = end;
        continue;
      }
      while (at < end) {
        const size_t size = sequence_bytes(text[at]);
        if (map_.find(text.substr(at, size), replacement)) replace(at, at + size, replacement);
        at += size;
      }
    }
    if (!is_changed) return text;
    storage.append(text, copied);
    return storage;
  }

  size_t cut_of(std::string_view prefix) const override {
    size_t at = last_code_point(prefix);
    if (at == 0) return 0;
    GraphemeKind after = kind_at(prefix, at);
    while (at > 0) {
      const size_t before_at = last_code_point(prefix.substr(0, at));
      const GraphemeKind before = kind_at(prefix, before_at);
      if (always_break_between(before, after)) return at;
      at = before_at;
      after = before;
    }
    return 0;
  }
  size_t growth() const override { return std::max<size_t>(1, map_.longest()); }

 private:
  static GraphemeKind kind_at(std::string_view text, size_t at) {
    return grapheme_kind(next_code_point(text, at));
  }

  // Code points map to each other in order; additional ones map to the last.
  static void append_origins(std::string_view text, size_t begin, size_t end, std::string_view replacement,
                             size_t normal_begin, std::vector<Origin>& origins) {
    size_t source = begin;
    size_t source_end = begin + sequence_bytes(text[begin]);
    for (size_t at = 0; at < replacement.size();) {
      const size_t size = sequence_bytes(replacement[at]);
      origins.push_back({source, source_end, normal_begin + at, normal_begin + at + size});
      at += size;
      if (source_end < end) {
        source = source_end;
        source_end += sequence_bytes(text[source]);
      }
    }
    origins.push_back({end, end, normal_begin + replacement.size(), normal_begin + replacement.size()});
  }

  CharacterMap map_;
};

std::string from_base64(const JsonView& node) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string_view text = node.string();
  while (text.ends_with('=')) text.remove_suffix(1);
  std::array<int, 256> value;
  value.fill(-1);
  for (size_t i = 0; i < kDigits.size(); ++i)
    value[static_cast<unsigned char>(kDigits[i])] = static_cast<int>(i);
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  uint32_t bits = 0;
  int num_bits = 0;
  for (const char c : text) {
    const int digit = value[static_cast<unsigned char>(c)];
    if (digit < 0) node.refuse("is not base64");
    bits = bits << 6 | static_cast<uint32_t>(digit);
    num_bits += 6;
    if (num_bits < 8) continue;
    num_bits -= 8;
    bytes += static_cast<char>(bits >> num_bits & 0xFF);
  }
  return bytes;
}

}  // namespace

void read_precompiled(const JsonView& step, NormalizerSteps& steps) {
  step.allow_only({"type", "precompiled_charsmap"});
  const std::optional<JsonView> map = step.find("precompiled_charsmap");
  if (!map) return;
  steps.push_back(std::make_unique<Precompiled>(CharacterMap(from_base64(*map), *map)));
}

}  // namespace rerank
