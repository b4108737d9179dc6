// Finds the short runs of text that normalization can change and passes only those to utf8proc.
#include "tokenizer/normalizers/nfc.h"

#include <utf8proc.h>

#include <algorithm>

#include "base/utf8.h"
#include "rerank/error.h"
#include "tokenizer/normalizers/decomposition.h"
#include "tokenizer/normalizers/normalizers.h"

namespace rerank {
namespace {

using Point = DecomposedPoint;

std::vector<Point> decomposed(std::string_view run) {
  std::vector<Point> points;
  decompose(run, points);
  return points;
}

constexpr auto kCompose = static_cast<utf8proc_option_t>(UTF8PROC_STABLE | UTF8PROC_COMPOSE);

void append_composed(const std::vector<Point>& points, std::string& out) {
  std::vector<utf8proc_int32_t> codes;
  for (const Point& point : points) codes.push_back(static_cast<utf8proc_int32_t>(point.code));
  utf8proc_ssize_t count =
      utf8proc_normalize_utf32(codes.data(), static_cast<utf8proc_ssize_t>(codes.size()), kCompose);
  check(count >= 0, "utf8proc could not compose");
  for (utf8proc_ssize_t i = 0; i < count; ++i) append_utf8(static_cast<char32_t>(codes[i]), out);
}

// The composition of two code points; 0 if they do not compose.
char32_t composed(char32_t base, char32_t mark) {
  utf8proc_int32_t pair[2] = {static_cast<utf8proc_int32_t>(base), static_cast<utf8proc_int32_t>(mark)};
  return utf8proc_normalize_utf32(pair, 2, kCompose) == 1 ? static_cast<char32_t>(pair[0]) : 0;
}

// The same composition in steps, to find what changes (UAX #15, X4: a mark is blocked from its base by what
// is between them, unless that is a mark of a lower class).
std::vector<Point> compose_stepwise(const std::vector<Point>& points) {
  std::vector<Point> done;
  size_t base = points.size();  // in done; points.size(): none yet
  int last_class = -1;          // of the marks that remain after the base; -1: none
  for (const Point& point : points) {
    const int own_class = combining_class(point.code);
    const bool is_blocked = base == points.size() || last_class >= own_class;
    const char32_t whole = is_blocked ? 0 : composed(done[base].code, point.code);
    if (whole != 0) {
      done[base].code = whole;
      done[base].change += point.change - 1;
      continue;
    }
    done.push_back(point);
    last_class = own_class;
    if (own_class == 0) {
      base = done.size() - 1;
      last_class = -1;
    }
  }
  return done;
}

// Appends the origins of the normal form, which starts at `normal_begin`, of the run [begin, end) of text.
void append_origins(std::string_view text, size_t begin, size_t end, size_t normal_begin,
                    std::vector<Origin>& origins) {
  size_t at = begin;
  size_t before = begin;  // where the code point before `at` begins
  if (begin > 0) {
    do --before;
    while ((static_cast<unsigned char>(text[before]) & 0xC0) == 0x80);
  }
  for (const Point& point : compose_stepwise(decomposed(text.substr(begin, end - begin)))) {
    std::string bytes;
    append_utf8(point.code, bytes);
    const size_t normal_end = normal_begin + bytes.size();
    if (point.change > 0) {
      origins.push_back({before, at, normal_begin, normal_end});
    } else {
      const size_t own = at;
      next_code_point(text, at);
      origins.push_back({own, at, normal_begin, normal_end});
      before = own;
      for (int taken_in = 0; taken_in < -point.change; ++taken_in) {
        before = at;
        next_code_point(text, at);
      }
    }
    normal_begin = normal_end;
  }
  origins.push_back({end, end, normal_begin, normal_begin});
}

// Calls `visit` with begin and end of every run that may change, and where its normal form begins.
template <typename Visit>
std::string_view normalize(std::string_view text, std::string& storage, const Visit& visit) {
  size_t copied = 0;  // bytes of text whose normal form is in storage
  bool changed = false;
  size_t base = text.size();  // start of a base directly before `at`; text.size() if there is none
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
      append_composed(decomposed(text.substr(start, at - start)), storage);
      visit(start, at, normal_start);
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

// A run that may change begins with a code point that reacts, or with a base directly followed by one.
size_t last_nfc_boundary(std::string_view prefix) {
  for (size_t at = last_code_point(prefix); at > 0; at = last_code_point(prefix.substr(0, at))) {
    size_t next = at;
    if (at + sequence_bytes(prefix[at]) > prefix.size()) continue;
    if (nfc_kind(next_code_point(prefix, next)) != NfcKind::kReacts) return at;
  }
  return 0;
}

std::string_view to_nfc(std::string_view text, std::string& storage) {
  return normalize(text, storage, [](size_t, size_t, size_t) {});
}

std::string_view to_nfc(std::string_view text, std::string& storage, std::vector<Origin>& origins) {
  return normalize(text, storage, [&](size_t begin, size_t end, size_t normal_begin) {
    append_origins(text, begin, end, normal_begin, origins);
  });
}

namespace {

class Nfc final : public Normalizer {
 public:
  std::string_view apply(std::string_view text, std::string& storage,
                         std::vector<Origin>* origins) const override {
    return origins != nullptr ? to_nfc(text, storage, *origins) : to_nfc(text, storage);
  }
  size_t cut_of(std::string_view prefix) const override { return last_nfc_boundary(prefix); }
};

}  // namespace

void read_nfc(const JsonView& step, NormalizerSteps& steps) {
  step.allow_only({"type"});
  steps.push_back(std::make_unique<Nfc>());
}

}  // namespace rerank
