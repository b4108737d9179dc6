#include "tokenizer/normalizers/normal_text.h"

#include <algorithm>

namespace rerank {

NormalText::NormalText(std::string_view text, const Normalizer& normalizer)
    : normal_(normalizer.normalized(text, storage_, origins_)) {}

ByteRange NormalText::bytes_of(size_t first, size_t last) const {
  const size_t from = origin(first, false);
  return {from, first == last ? from : origin(last - 1, true)};
}

ByteRange NormalText::normal_bytes_of(ByteRange bytes) const {
  const ByteRange found{normal_at(bytes.begin, false), normal_at(bytes.end, true)};
  return found.begin < found.end ? found : ByteRange{0, 0};
}

size_t NormalText::origin(size_t at, bool its_end) const {
  const auto after = std::ranges::upper_bound(origins_, at, {}, &NfcOrigin::normal_begin);
  if (after == origins_.begin()) return at + (its_end ? 1 : 0);
  const NfcOrigin& last = *std::prev(after);
  if (at < last.normal_end) return its_end ? last.end : last.begin;
  return last.end + (at - last.normal_end) + (its_end ? 1 : 0);
}

size_t NormalText::normal_at(size_t at, bool is_end) const {
  NfcOrigin before{0, 0, 0, 0};
  for (const NfcOrigin& origin : origins_) {
    // Marks that were composed with what is before them are in no origin, and no bytes of the normal form.
    if (at <= origin.begin) return std::min(before.normal_end + (at - before.end), origin.normal_begin);
    if (at < origin.end) return is_end ? origin.normal_begin : origin.normal_end;
    before = origin;
  }
  return before.normal_end + (at - before.end);
}

}  // namespace rerank
