// Each step reads a few KiB and encodes as much of them as no later text can change: normalization is cut
// where no code point reacts with the one before it, and words are taken if the pattern finds them without
// looking at the end.
#include "tokenizer/text_encoding.h"

#include <algorithm>

#include "base/utf8.h"
#include "rerank/error.h"
#include "tokenizer/tokenizer_impl.h"

namespace rerank {
namespace {

// In the worst case a step is one millisecond of BPE, or 4 if all of it is one word.
constexpr size_t kStepBytes = 8 << 10;
constexpr size_t kLeastStepBytes = 256;
constexpr size_t kBytesOfToken = 8;     // at most, in most texts
constexpr size_t kFewBytesOfToken = 3;  // at least, in most texts
constexpr size_t kValidatedBytes = 1 << 20;

}  // namespace

TextEncoding::TextEncoding(const Tokenizer& tokenizer, std::vector<TextPart> parts, size_t max_ids,
                           size_t first_bytes)
    : tokenizer_(tokenizer),
      parts_(std::move(parts)),
      max_ids_(max_ids),
      looks_at_normal_text_(
          !tokenizer.impl_->normalized_tokens().is_empty() &&
          std::ranges::any_of(parts_, [](auto& part) { return part.special == SpecialTokens::kParse; })),
      special_(std::ranges::all_of(parts_, [](auto& part) { return part.special == SpecialTokens::kParse; })
                   ? SpecialTokens::kParse
                   : SpecialTokens::kAsText),
      take_bytes_(first_bytes),
      stream_(tokenizer.impl_->normalizers()) {}

size_t TextEncoding::bytes_of(size_t num_ids) {
  return std::max(kLeastStepBytes, kBytesOfToken * std::min(num_ids, kStepBytes / kBytesOfToken));
}

// Validates some more of the text; true once all of it is known to be UTF-8.
bool TextEncoding::is_valid() {
  for (size_t left = kValidatedBytes; num_valid_parts_ < parts_.size(); ++num_valid_parts_) {
    const std::string_view text = parts_[num_valid_parts_].text;
    const std::string_view next = text.substr(num_valid_bytes_, left);
    const size_t valid = first_invalid_utf8(next);
    num_valid_bytes_ += valid;
    // An end that looks invalid may be half a code point.
    const bool is_cut = num_valid_bytes_ - valid + next.size() < text.size() && next.size() - valid < 4;
    if (valid < next.size() && !is_cut) refuse_utf8(text, num_valid_bytes_);
    if (num_valid_bytes_ < text.size()) return false;
    num_valid_bytes_ = 0;
    left -= next.size();
  }
  return true;
}

// The next stretch of the current part; nullopt at its end.
std::optional<TextEncoding::Stretch> TextEncoding::next_stretch(size_t num_bytes) {
  const TextPart& part = parts_[part_];
  const Tokenizer::Impl& own = *tokenizer_.impl_;
  const bool parse = part.special == SpecialTokens::kParse;
  if (parse || !own.text_tokens().is_empty()) {
    if (!scan_) scan_.emplace(parse ? own.raw_tokens() : own.text_tokens(), part.text);
    return scan_->next(num_bytes);
  }
  if (part_at_ == part.text.size()) return std::nullopt;
  return Stretch{part_at_, part_at_ + std::min(num_bytes, part.text.size() - part_at_), -1};
}

// Reads about `num_bytes` bytes; true if they end in a token or at the end of the text.
bool TextEncoding::take_in(size_t num_bytes) {
  while (part_ < parts_.size()) {
    if (num_bytes == 0) return false;
    const std::optional<Stretch> stretch = next_stretch(num_bytes);
    if (!stretch) {
      ++part_;
      part_at_ = 0;
      scan_.reset();
      continue;
    }
    part_at_ = stretch->end;
    if (stretch->id >= 0) {
      token_ = stretch->id;
      return true;
    }
    const size_t size = stretch->end - stretch->begin;
    if (looks_at_normal_text_ && parts_[part_].special == SpecialTokens::kParse) {
      parsed_.push_back({raw_.size(), raw_.size() + size});
    }
    raw_ += parts_[part_].text.substr(stretch->begin, size);
    num_bytes -= std::min(num_bytes, size);
  }
  return true;
}

bool TextEncoding::advance() {
  if (!is_valid()) return false;
  // If added tokens are searched in normalized text, the whole text is needed.
  const bool is_end = take_in(
      looks_at_normal_text_ ? SIZE_MAX : std::exchange(take_bytes_, std::min(2 * take_bytes_, kStepBytes)));
  if (is_end && is_first_ && normal_.empty() && stream_.num_pending_bytes() == 0) {
    append_whole();
  } else {
    append_settled(is_end);
  }
  if (is_end) {
    raw_.clear();
    normal_.clear();
    parsed_.clear();
    is_first_ = true;
    is_whole_ = token_ < 0;
    if (token_ >= 0) ids_.push_back(std::exchange(token_, -1));
  }
  return is_whole_ || ids_.size() > max_ids_;
}

// Encodes the whole stretch.
void TextEncoding::append_whole() {
  const Tokenizer::Impl& own = *tokenizer_.impl_;
  const auto append_plain = [&](std::string_view plain) {
    own.append_words(special_, ids_, [&](PreTokenVisit visit) { own.split(plain, visit); });
  };
  if (ids_.empty()) ids_.reserve(raw_.size() / kFewBytesOfToken);
  if (parsed_.empty()) {
    std::string storage;
    return append_plain(own.normalizers().normalized(raw_, storage));
  }
  const NormalText normal(raw_, own.normalizers());
  size_t at = 0;
  std::vector<Stretch> found;
  for (const ByteRange& parsed : parsed_) {
    const ByteRange range = normal.normal_bytes_of(parsed);
    found.clear();
    own.normalized_tokens().find(normal.text().substr(range.begin, range.end - range.begin), SIZE_MAX, found);
    for (const Stretch& stretch : found) {
      if (stretch.id < 0) continue;
      const size_t begin = range.begin + stretch.begin;
      if (at < begin) append_plain(normal.text().substr(at, begin - at));
      ids_.push_back(stretch.id);
      at = range.begin + stretch.end;
    }
  }
  append_plain(normal.text().substr(at));
}

// Encodes what no later text can change, or everything at the end.
void TextEncoding::append_settled(bool is_end) {
  const Tokenizer::Impl& own = *tokenizer_.impl_;
  stream_.push(raw_, is_end, normal_);
  raw_.clear();
  if (std::exchange(is_first_, is_first_ && normal_.empty()) && !normal_.empty()) {
    normal_.insert(0, own.prefix_of(normal_));
  }
  if (is_end) {
    own.append_words(special_, ids_, [&](PreTokenVisit visit) { own.split_rest(normal_, visit); });
    return;
  }
  normal_.erase(0, own.append_words(special_, ids_,
                                    [&](PreTokenVisit visit) { return own.split_settled(normal_, visit); }));
  const size_t most = own.max_stretch_bytes();
  if (stream_.num_pending_bytes() + normal_.size() > most + kStepBytes) refuse_stretch(most);
}

// If a stretch is too long, the part with most of its bytes is at fault.
size_t TextEncoding::failed_part() const {
  if (num_valid_parts_ < parts_.size()) return num_valid_parts_;
  size_t part = std::min(part_, parts_.size() - 1);
  size_t end = part == part_ ? part_at_ : parts_[part].text.size();
  size_t left = raw_.size() + stream_.num_pending_bytes() + normal_.size();
  size_t longest = part;
  for (size_t most = 0;; end = parts_[--part].text.size()) {
    const size_t size = std::min(end, left);
    if (size > most) longest = part;
    most = std::max(most, size);
    left -= size;
    if (part == 0 || left == 0) return longest;
  }
}

}  // namespace rerank
