// Each step takes in some KiB. What is in them becomes ids as far as nothing that may follow can change it:
// normalization is cut where no code point reacts with the one before, and of the words those are taken that
// the pattern finds without a look at the end.
#include "tokenizer/text_encoding.h"

#include <algorithm>

#include "rerank/error.h"
#include "tokenizer/tokenizer_impl.h"
#include "tokenizer/utf8.h"

namespace rerank {
namespace {

// A step is a millisecond of BPE at worst, 4 if all of it is one word.
constexpr size_t kStepBytes = 8 << 10;
constexpr size_t kLeastStepBytes = 256;
constexpr size_t kBytesOfToken = 8;     // or fewer, in most texts
constexpr size_t kFewBytesOfToken = 3;  // or more, in most texts
constexpr size_t kValidatedBytes = 1 << 20;

}  // namespace

TextEncoding::TextEncoding(const Tokenizer& tokenizer, const FramedText& text, SpecialTokens special,
                           size_t max_ids, size_t first_bytes)
    : tokenizer_(tokenizer), framed_(text), special_(special), max_ids_(max_ids), take_bytes_(first_bytes) {}

size_t TextEncoding::bytes_of(size_t num_ids) {
  return std::max(kLeastStepBytes, kBytesOfToken * std::min(num_ids, kStepBytes / kBytesOfToken));
}

bool TextEncoding::advance() {
  if (!is_valid()) return false;
  if (!has_begun_) return begin();
  return step();
}

// Looks at some more of the text; true once all of it is UTF-8.
bool TextEncoding::is_valid() {
  const std::string_view text = framed_.text;
  if (num_valid_ == text.size()) return true;
  const std::string_view next = text.substr(num_valid_, kValidatedBytes);
  const size_t valid = first_invalid_utf8(next);
  num_valid_ += valid;
  // What looks like an invalid end may be half a code point.
  const bool is_cut = next.size() == kValidatedBytes && next.size() - valid < 4;
  if (valid < next.size() && !is_cut) refuse_utf8(text, num_valid_);
  return num_valid_ == text.size();
}

bool TextEncoding::begin() {
  has_begun_ = true;
  num_bytes_ = framed_.before.size() + framed_.text.size() + framed_.after.size();
  if (special_ == SpecialTokens::kAsText && num_bytes_ > take_bytes_) {
    stretches_ = {{0, num_bytes_, -1}};
    next_stretch_ = 1;
    begin_stretch("");
    parts_ = {framed_.before, framed_.text, framed_.after};
    return step();
  }
  whole_ = framed_.text;
  if (num_bytes_ > whole_.size()) {
    joined_.reserve(num_bytes_);
    for (const std::string_view part : {framed_.before, framed_.text, framed_.after}) joined_ += part;
    whole_ = joined_;
  }
  if (special_ == SpecialTokens::kAsText) {
    ids_.reserve(num_bytes_ / kFewBytesOfToken);
    append_whole(whole_);
    return is_whole_ = true;
  }
  tokenizer_.impl_->raw_tokens().find(whole_, max_ids_, stretches_);
  end_stretch();
  return is_whole_ || ids_.size() > max_ids_;
}

// Goes on to the next stretch of plain text; without one the ids are whole.
void TextEncoding::end_stretch() {
  while (next_stretch_ < stretches_.size() && stretches_[next_stretch_].id >= 0) {
    ids_.push_back(stretches_[next_stretch_++].id);
  }
  if (next_stretch_ == stretches_.size()) {
    // Those after max_ids tokens were not looked for.
    is_whole_ = stretches_.empty() || stretches_.back().end == num_bytes_;
    return;
  }
  const Stretch& stretch = stretches_[next_stretch_++];
  begin_stretch(whole_.substr(stretch.begin, stretch.end - stretch.begin));
}

void TextEncoding::begin_stretch(std::string_view text) {
  parts_ = {text, "", ""};
  part_ = part_at_ = 0;
  raw_.clear();
  normal_.clear();
  is_first_ = true;
}

void TextEncoding::take_in() {
  size_t wanted = std::exchange(take_bytes_, std::min(2 * take_bytes_, kStepBytes));
  while (part_ < parts_.size()) {
    const std::string_view taken = parts_[part_].substr(part_at_, wanted);
    raw_ += taken;
    wanted -= taken.size();
    part_at_ += taken.size();
    if (part_at_ < parts_[part_].size()) return;
    ++part_;
    part_at_ = 0;
  }
}

// Added tokens of normalized text are looked for in all of it at once; what has none is encoded in the same
// way.
void TextEncoding::append_whole(std::string_view text) {
  const Tokenizer::Impl& own = *tokenizer_.impl_;
  const auto append_plain = [&](std::string_view plain) {
    own.append_words(plain, ids_, [&](const auto& visit) { own.pre_tokenizer().split(plain, visit); });
  };
  std::string storage;
  const std::string_view normal = own.normalized(text, storage);
  if (special_ == SpecialTokens::kAsText || own.normalized_tokens().is_empty()) return append_plain(normal);
  std::vector<Stretch> found;
  own.normalized_tokens().find(normal, SIZE_MAX, found);
  for (const Stretch& stretch : found) {
    if (stretch.id >= 0) {
      ids_.push_back(stretch.id);
    } else {
      append_plain(normal.substr(stretch.begin, stretch.end - stretch.begin));
    }
  }
}

bool TextEncoding::step() {
  const Tokenizer::Impl& own = *tokenizer_.impl_;
  const bool is_short =
      is_first_ && part_at_ == 0 && parts_[0].size() <= take_bytes_ && parts_[1].empty() && parts_[2].empty();
  if (is_short || (special_ == SpecialTokens::kParse && !own.normalized_tokens().is_empty())) {
    append_whole(parts_[0]);
    end_stretch();
    return is_whole_ || ids_.size() > max_ids_;
  }
  take_in();
  const bool is_last = part_ == parts_.size();
  const size_t cut = is_last ? raw_.size() : own.cut_of(raw_);
  std::string storage;
  normal_ += own.normalized(std::string_view(raw_).substr(0, cut), storage);
  raw_.erase(0, cut);
  if (std::exchange(is_first_, is_first_ && normal_.empty()) && !normal_.empty() && normal_.front() != ' ' &&
      own.pre_tokenizer().begins_with_space()) {
    normal_.insert(0, 1, ' ');
  }
  if (is_last) {
    own.append_words(normal_, ids_,
                     [&](const auto& visit) { own.pre_tokenizer().split_rest(normal_, visit); });
    end_stretch();
  } else {
    normal_.erase(0, own.append_words(normal_, ids_, [&](const auto& visit) {
      return own.pre_tokenizer().split_settled(normal_, visit);
    }));
    if (raw_.size() + normal_.size() > Tokenizer::kMaxStretchBytes + kStepBytes) refuse_stretch();
  }
  return is_whole_ || ids_.size() > max_ids_;
}

}  // namespace rerank
