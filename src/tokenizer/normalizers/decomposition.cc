#include "tokenizer/normalizers/decomposition.h"

#include <utf8proc.h>

#include <algorithm>

#include "base/utf8.h"
#include "rerank/error.h"

namespace rerank {

NfcKind nfc_kind(char32_t code_point) {
  constexpr char32_t kTableEnd = 0x30000;  // nothing above reacts in Unicode 9.0
  static const std::vector<NfcKind> kKinds = [] {
    std::vector<NfcKind> table(kTableEnd, NfcKind::kInert);
    for (const NfcRange& range : kNfcTable) {
      check(range.last < kTableEnd, "an NFC range lies outside the table");
      std::fill(table.begin() + range.first, table.begin() + range.last + 1, range.kind);
    }
    return table;
  }();
  return code_point < kTableEnd ? kKinds[code_point] : NfcKind::kInert;
}

int combining_class(char32_t code_point) {
  return utf8proc_get_property(static_cast<utf8proc_int32_t>(code_point))->combining_class;
}

// Sorts the marks here, since utf8proc takes time quadratic in their number.
void decompose(std::string_view run, std::vector<DecomposedPoint>& points) {
  const auto class_of = [](const DecomposedPoint& point) { return combining_class(point.code); };
  const auto first_point = static_cast<std::ptrdiff_t>(points.size());
  for (size_t at = 0; at < run.size();) {
    const size_t begin = at;
    utf8proc_int32_t parts[8];
    int boundary = 0;
    const auto option = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
    const utf8proc_ssize_t count = utf8proc_decompose_char(
        static_cast<utf8proc_int32_t>(next_code_point(run, at)), parts, 8, option, &boundary);
    check(count > 0 && count <= 8, "utf8proc could not decompose a code point");
    for (utf8proc_ssize_t i = 0; i < count; ++i) {
      points.push_back({static_cast<char32_t>(parts[i]), i == 0 ? 0 : 1, begin, at});
    }
  }
  for (auto first = points.begin() + first_point; first != points.end();) {
    if (class_of(*first) == 0) {
      ++first;
      continue;
    }
    const auto last = std::find_if(first, points.end(), [&](const auto& p) { return class_of(p) == 0; });
    std::ranges::stable_sort(first, last, {}, class_of);
    first = last;
  }
}

}  // namespace rerank
