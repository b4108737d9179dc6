#include "tokenizer/normalizers/normal_text.h"

#include <algorithm>

namespace rerank {

NormalText::NormalText(std::string_view text, const Normalizers& normalizers)
    : steps_(normalizers.steps().size()), normal_(text) {
  for (size_t i = 0; i < steps_.size(); ++i) {
    normal_ = normalizers.steps()[i]->apply(normal_, steps_[i].storage, &steps_[i].origins);
  }
}

ByteRange NormalText::bytes_of(size_t first, size_t last) const {
  for (auto step = steps_.rbegin(); step != steps_.rend(); ++step) {
    const size_t from = step->origin(first, false);
    last = first == last ? from : std::max(from, step->origin(last - 1, true));
    first = from;
  }
  return {first, last};
}

ByteRange NormalText::normal_bytes_of(ByteRange bytes) const {
  for (const Step& step : steps_) {
    bytes = {step.normal_at(bytes.begin, false), step.normal_at(bytes.end, true)};
    if (bytes.begin >= bytes.end) return {0, 0};
  }
  return bytes.begin < bytes.end ? bytes : ByteRange{0, 0};
}

size_t NormalText::Step::origin(size_t at, bool its_end) const {
  const auto after = std::ranges::upper_bound(origins, at, {}, &Origin::normal_begin);
  if (after == origins.begin()) return at + (its_end ? 1 : 0);
  const Origin& last = *std::prev(after);
  if (at < last.normal_end) return its_end ? last.end : last.begin;
  return last.end + (at - last.normal_end) + (its_end ? 1 : 0);
}

size_t NormalText::Step::normal_at(size_t at, bool is_end) const {
  Origin before{0, 0, 0, 0};
  for (const Origin& origin : origins) {
    // Marks composed with the code point before them are in no origin and add no bytes to the normal form.
    if (at <= origin.begin) return std::min(before.normal_end + (at - before.end), origin.normal_begin);
    if (at < origin.end) return is_end ? origin.normal_begin : origin.normal_end;
    before = origin;
  }
  return before.normal_end + (at - before.end);
}

}  // namespace rerank
