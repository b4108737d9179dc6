// A recursive-descent parser: alternatives, which are sequences of quantified items. Each function returns
// the minimum number of code points that its construct matches, since engines differ in repeating empty
// matches.
#include "tokenizer/pre_tokenizers/split_pattern.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/utf8.h"
#include "rerank/error.h"

namespace rerank {
namespace {

using Part = CodePointSet::Part;

class Parser {
 public:
  explicit Parser(std::string_view text) : text_(text) {}

  SplitPattern run() {
    size_t least = alternation(false);
    if (at_ < text_.size()) refuse("unbalanced `)`");
    if (least == 0) refuse("it matches the empty string");
    return std::move(pattern_);
  }

 private:
  [[noreturn]] void refuse(const std::string& what) const {
    throw Error(ErrorCode::kUnsupported,
                fmt::format("the pattern `{}` is not supported: {} (byte {})", text_, what, at_));
  }

  bool looking_at(std::string_view word) const { return text_.substr(at_).starts_with(word); }

  bool take(std::string_view word) {
    if (!looking_at(word)) return false;
    at_ += word.size();
    return true;
  }

  char32_t take_code_point() {
    if (at_ >= text_.size()) refuse("it ends too early");
    return next_code_point(text_, at_);
  }

  void emit(std::string syntax) { pattern_.pieces.push_back({std::move(syntax), 0}); }

  void emit_set(CodePointSet set) {
    auto known = std::find(pattern_.sets.begin(), pattern_.sets.end(), set);
    if (known == pattern_.sets.end()) {
      if (pattern_.sets.size() == SymbolAlphabet::kMaxSets) refuse("it has too many different characters");
      known = pattern_.sets.insert(pattern_.sets.end(), std::move(set));
    }
    pattern_.pieces.push_back({"", static_cast<size_t>(known - pattern_.sets.begin())});
  }

  size_t alternation(bool fold_case) {
    size_t least = sequence(fold_case);
    while (take("|")) {
      emit("|");
      least = std::min(least, sequence(fold_case));
    }
    return least;
  }

  size_t sequence(bool fold_case) {
    size_t least = 0;
    last_folded_ = 0;
    while (at_ < text_.size() && !looking_at("|") && !looking_at(")")) least += quantified(fold_case);
    last_folded_ = 0;
    return least;
  }

  size_t quantified(bool fold_case) {
    bool is_look_ahead = looking_at("(?!") || looking_at("(?=");
    size_t least = item(fold_case);
    if (at_ >= text_.size() || std::string_view("*+?{").find(text_[at_]) == std::string_view::npos)
      return least;
    if (is_look_ahead) refuse("a repeated look-ahead");
    size_t lowest = 0;
    bool braces = looking_at("{");
    size_t begin = at_;
    if (braces) {
      lowest = interval();
    } else {
      lowest = text_[at_++] == '+' ? 1 : 0;
    }
    bool repeats = braces || text_[begin] != '?';
    if (repeats && least == 0) refuse("a repeated group that can be empty");
    if (repeats && last_folded_ != 0) refuse("a repetition of letters in (?i:...)");
    if (looking_at("+") || looking_at("?")) {
      if (braces) refuse("`+` or `?` after {...}, which means different things to different engines");
      ++at_;
    }
    emit(std::string(text_.substr(begin, at_ - begin)));
    if (looking_at("*") || looking_at("+") || looking_at("?") || looking_at("{"))
      refuse("a repeated repetition");
    return least * lowest;
  }

  // {n}, {n,} or {n,m}; returns n.
  size_t interval() {
    take("{");
    size_t lowest = number();
    size_t highest = lowest;
    if (take(",")) highest = looking_at("}") ? kMaxRepeat : number();
    if (!take("}")) refuse("`{` that begins no repetition {n}, {n,} or {n,m}; write \\{ for the character");
    if (highest < lowest || highest == 0) refuse("a repetition {n,m} with m below n or of nothing");
    return lowest;
  }

  size_t number() {
    size_t value = 0;
    size_t begin = at_;
    while (at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9') {
      value = value * 10 + static_cast<size_t>(text_[at_++] - '0');
      if (value > kMaxRepeat) refuse("a repetition of more than 1000");
    }
    if (at_ == begin) refuse("`{` that begins no repetition {n}, {n,} or {n,m}; write \\{ for the character");
    return value;
  }

  size_t item(bool fold_case) {
    if (looking_at("(")) return group(fold_case);
    if (looking_at("[")) {
      emit_set(character_class(fold_case));
      last_folded_ = 0;
      return 1;
    }
    for (const char* sign : {"^", "$", ".", "*", "+", "?", "{", "}", "]"}) {
      if (looking_at(sign)) refuse(fmt::format("`{}` here", sign));
    }
    bool escaped = looking_at("\\");
    Part part = escaped ? escape() : literal();
    if (fold_case) {
      if (part.first != part.last || !is_ascii_point(part.first)) {
        refuse("other than ASCII characters in (?i:...)");
      }
      emit_set(folded(static_cast<char>(part.first)));
    } else {
      last_folded_ = 0;
      emit_set({{part}, false});
    }
    return 1;
  }

  static bool is_ascii_point(char32_t point) { return point < 0x80; }

  Part literal() {
    char32_t point = take_code_point();
    return {point, point};
  }

  // A character in any case. Under Unicode's simple case folding two letters have a third form. Pairs that
  // are the folding of a ligature (ff, fi, fl, ss, st) would match it too, which sets of single code points
  // cannot express.
  CodePointSet folded(char character) {
    bool is_upper = character >= 'A' && character <= 'Z';
    char lower = is_upper ? static_cast<char>(character - 'A' + 'a') : character;
    bool is_letter = lower >= 'a' && lower <= 'z';
    bool after_f = last_folded_ == 'f' && (lower == 'f' || lower == 'i' || lower == 'l');
    bool after_s = last_folded_ == 's' && (lower == 's' || lower == 't');
    bool after_group =
        last_folded_ == kFoldedGroup && std::string_view("filst").find(lower) != std::string_view::npos;
    if (after_f || after_s || after_group) refuse("letters in (?i:...) that can form a ligature");
    last_folded_ = is_letter ? lower : 0;
    auto point = static_cast<char32_t>(lower);
    CodePointSet set{{{point, point}}, false};
    if (is_letter) set.parts.push_back({point - 'a' + 'A', point - 'a' + 'A'});
    if (lower == 's') set.parts.push_back({0x17F, 0x17F});
    if (lower == 'k') set.parts.push_back({0x212A, 0x212A});
    return set;
  }

  size_t group(bool fold_case) {
    size_t begin = at_;
    if (++depth_ > kMaxDepth) refuse("groups nested too deep");
    bool looks_ahead = false;
    if (take("(?i:")) {
      fold_case = true;
      emit("(?:");
    } else if (take("(?!") || take("(?=")) {
      looks_ahead = true;
      emit(std::string(text_.substr(begin, 3)));
    } else if (take("(?>") || take("(?:")) {
      emit(std::string(text_.substr(begin, 3)));
    } else if (looking_at("(?") || looking_at("(*")) {
      refuse(
          fmt::format("the group `{}...`; known are (...), (?:...), (?i:...), (?>...), (?=...) and (?!...)",
                      text_.substr(at_, 3)));
    } else {
      take("(");
      emit("(?:");  // splitting does not use captures
    }
    if (fold_case && last_folded_ != 0) refuse("a group after a letter within (?i:...)");
    size_t least = alternation(fold_case);
    if (!take(")")) refuse("a group without its `)`");
    emit(")");
    --depth_;
    last_folded_ = fold_case ? kFoldedGroup : 0;
    return looks_ahead ? 0 : least;
  }

  // REQUIRES: looking at the backslash.
  Part escape() {
    size_t begin = at_++;
    char32_t point = take_code_point();
    switch (point) {
      case 's':
        return {.white_space = true};
      case 'S':
        return {.white_space = true, .negated = true};
      case 'd':
        return {.categories = category_mask("Nd")};
      case 'D':
        return {.categories = category_mask("Nd"), .negated = true};
      case 'p':
        return property(false);
      case 'P':
        return property(true);
      case 't':
        return {'\t', '\t'};
      case 'n':
        return {'\n', '\n'};
      case 'r':
        return {'\r', '\r'};
      case 'f':
        return {'\f', '\f'};
      case 'x':
        return hexadecimal();
      default:
        break;
    }
    bool is_letter_or_digit = (point >= '0' && point <= '9') || (point >= 'A' && point <= 'Z') ||
                              (point >= 'a' && point <= 'z') || point >= 0x80;
    if (is_letter_or_digit) refuse(fmt::format("the escape `{}`", text_.substr(begin, at_ - begin)));
    return {point, point};
  }

  Part hexadecimal() {
    size_t end = looking_at("{") ? text_.find('}', at_) : std::string_view::npos;
    char32_t point = 0;
    if (end == std::string_view::npos || end == at_ + 1 || end > at_ + 7)
      refuse("\\x not followed by {1 to 6 digits}");
    for (char digit : text_.substr(at_ + 1, end - at_ - 1)) {
      size_t value = std::string_view("0123456789abcdefABCDEF").find(digit);
      if (value == std::string_view::npos) refuse("\\x not followed by {1 to 6 digits}");
      point = point * 16 + static_cast<char32_t>(value < 16 ? value : value - 6);
    }
    if (point >= kCodePointEnd) refuse("\\x beyond the last code point");
    at_ = end + 1;
    return {point, point};
  }

  Part property(bool negated) {
    if (!take("{")) refuse("\\p not followed by {...}");
    if (take("^")) negated = !negated;
    size_t end = text_.find('}', at_);
    std::string_view name = text_.substr(at_, end == std::string_view::npos ? 0 : end - at_);
    uint32_t categories = category_mask(name);
    if (categories == 0)
      refuse(fmt::format("the property \\p{{{}}}; known are the general categories", name));
    at_ = end + 1;
    return {.categories = categories, .negated = negated};
  }

  // All categories whose two-letter name begins with `name`, which may be one letter; 0 if there is none.
  static uint32_t category_mask(std::string_view name) {
    uint32_t mask = 0;
    for (size_t i = 0; i < kCategoryNames.size(); ++i) {
      if (!name.empty() && kCategoryNames[i].starts_with(name)) mask |= uint32_t{1} << i;
    }
    return mask;
  }

  // REQUIRES: looking at the bracket.
  CodePointSet character_class(bool fold_case) {
    CodePointSet set;
    take("[");
    set.negated = take("^");
    if (looking_at("]")) refuse("`]` first in a class; write \\]");
    if (fold_case && set.negated) refuse("a negated class in (?i:...)");
    while (!take("]")) {
      if (looking_at("[")) refuse("`[` in a class; write \\[");
      if (looking_at("&&")) refuse("`&&` in a class");
      bool is_dash = looking_at("-");
      if (is_dash && !set.parts.empty() && !looking_at("-]")) refuse("`-` inside a class; write \\-");
      Part part = looking_at("\\") ? escape() : literal();
      if (looking_at("-") && !looking_at("-]")) {
        take("-");
        if (looking_at("[")) refuse("`[` in a class; write \\[");
        Part last = looking_at("\\") ? escape() : literal();
        if (part.first != part.last || last.first != last.last || last.first < part.first) {
          refuse("a range in a class that does not run upwards from one character to another");
        }
        part.last = last.last;
      }
      if (fold_case) {
        if (part.first != part.last || !is_ascii_point(part.first))
          refuse("other than ASCII characters in (?i:...)");
        last_folded_ = 0;
        CodePointSet forms = folded(static_cast<char>(part.first));
        set.parts.insert(set.parts.end(), forms.parts.begin(), forms.parts.end());
      } else {
        set.parts.push_back(part);
      }
    }
    return set;
  }

  static constexpr size_t kMaxRepeat = 1000;
  static constexpr int kMaxDepth = 50;
  static constexpr char kFoldedGroup = '?';

  std::string_view text_;
  size_t at_ = 0;
  int depth_ = 0;
  // What precedes in the same sequence if it ignores case: a letter or kFoldedGroup; otherwise 0.
  char last_folded_ = 0;
  SplitPattern pattern_;
};

}  // namespace

SplitPattern parse_split_pattern(std::string_view pattern) {
  return Parser(pattern).run();
}

}  // namespace rerank
