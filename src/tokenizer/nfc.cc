// Finds the short runs of text that normalization can change and hands those alone to utf8proc. Text without
// any is returned as it came.
#include "tokenizer/nfc.h"

#include <utf8proc.h>

#include <algorithm>

#include "rerank/error.h"
#include "tokenizer/nfc_table.h"
#include "tokenizer/utf8.h"

namespace rerank {
namespace {

constexpr char32_t kTableEnd = 0x30000;  // nothing above reacts in Unicode 9.0

NfcKind nfc_kind(char32_t code_point) {
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

// Appends the NFC of one run: at most one base, then only code points that react. Decomposition and
// composition are utf8proc's; the ordering of marks is done here, since utf8proc's own takes time quadratic
// in their number.
void append_composed(std::string_view run, std::string& out) {
  std::vector<utf8proc_int32_t> points;
  for (size_t at = 0; at < run.size();) {
    utf8proc_int32_t parts[8];
    int boundary = 0;
    auto option = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE);
    utf8proc_ssize_t count = utf8proc_decompose_char(static_cast<utf8proc_int32_t>(next_code_point(run, at)),
                                                     parts, 8, option, &boundary);
    check(count > 0 && count <= 8, "utf8proc could not decompose a code point");
    points.insert(points.end(), parts, parts + count);
  }
  auto combining_class = [](utf8proc_int32_t c) { return utf8proc_get_property(c)->combining_class; };
  for (auto first = points.begin(); first != points.end();) {
    if (combining_class(*first) == 0) {
      ++first;
      continue;
    }
    auto last = std::find_if(first, points.end(), [&](auto c) { return combining_class(c) == 0; });
    std::stable_sort(first, last, [&](auto a, auto b) { return combining_class(a) < combining_class(b); });
    first = last;
  }
  auto options = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);
  utf8proc_ssize_t count =
      utf8proc_normalize_utf32(points.data(), static_cast<utf8proc_ssize_t>(points.size()), options);
  check(count >= 0, "utf8proc could not compose");
  for (utf8proc_ssize_t i = 0; i < count; ++i) append_utf8(static_cast<char32_t>(points[i]), out);
}

// `visit` is called with every NfcRun.
template <typename Visit>
std::string_view normalize(std::string_view text, std::string& storage, const Visit& visit) {
  size_t copied = 0;  // bytes of text that storage already stands for
  bool changed = false;
  size_t base = text.size();  // where a base directly before `at` starts; text.size() when there is none
  for (size_t at = skip_ascii(text, 0); at < text.size();) {
    size_t start = at;
    NfcKind kind = nfc_kind(next_code_point(text, at));
    if (kind == NfcKind::kReacts) {
      if (base == text.size() && start > 0 && static_cast<unsigned char>(text[start - 1]) < 0x80)
        base = start - 1;
      if (base != text.size()) start = base;
      while (at < text.size()) {
        size_t next = at;
        if (nfc_kind(next_code_point(text, next)) != NfcKind::kReacts) break;
        at = next;
      }
      if (!changed) storage.clear();
      changed = true;
      storage.append(text, copied, start - copied);
      const size_t normal_start = storage.size();
      append_composed(text.substr(start, at - start), storage);
      visit(NfcRun{start, at, normal_start, storage.size()});
      copied = at;
      kind = NfcKind::kInert;
    }
    base = kind == NfcKind::kBase ? start : text.size();
    size_t skipped = skip_ascii(text, at);
    if (skipped != at) base = text.size();
    at = skipped;
  }
  if (!changed) return text;
  storage.append(text, copied, text.size() - copied);
  return storage;
}

}  // namespace

std::string_view to_nfc(std::string_view text, std::string& storage) {
  return normalize(text, storage, [](const NfcRun&) {});
}

std::string_view to_nfc(std::string_view text, std::string& storage, std::vector<NfcRun>& runs) {
  return normalize(text, storage, [&](const NfcRun& run) { runs.push_back(run); });
}

}  // namespace rerank
