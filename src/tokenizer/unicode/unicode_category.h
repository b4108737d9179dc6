// The general categories of Unicode 16.0, the version by which the Hugging Face tokenizers package (0.23)
// splits text, independent of the installed PCRE2.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace rerank {

inline constexpr char32_t kCodePointEnd = 0x110000;

// In the order of kCategoryNames.
// clang-format off
enum class Category : uint8_t {
  kLu, kLl, kLt, kLm, kLo, kMn, kMc, kMe, kNd, kNl, kNo, kPc, kPd, kPs, kPe, kPi, kPf, kPo,
  kSm, kSc, kSk, kSo, kZs, kZl, kZp, kCc, kCf, kCs, kCo, kCn
};
// clang-format on
inline constexpr std::array<std::string_view, 30> kCategoryNames = {
    "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe",
    "Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"};

// One entry per run, ascending: first code point << 5 | code. A code below 30 is a Category; 30 is a run that
// alternates Lu, Ll, Lu, ..., 31 a run that alternates Ll, Lu, Ll, ...
extern const std::array<uint32_t, 3091> kCategoryTable;

struct CategoryRange {
  char32_t first;
  char32_t last;
  Category category;
};

// Covers every code point below kCodePointEnd, ascending, without gaps.
std::vector<CategoryRange> category_ranges();

// REQUIRES: code_point < kCodePointEnd.
Category category_of(char32_t code_point);

// The property White_Space, which \s matches.
bool is_white_space(char32_t code_point);

// What \w matches in Rust's regex crate, which determines where a single_word token may be: Alphabetic, M,
// Nd, Pc and Join_Control.
bool is_word(char32_t code_point);

}  // namespace rerank
