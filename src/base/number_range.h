// What a number that somebody gives may be. Flags, their help, settings and options of the libraries state it
// once and share it: option_ranges.h.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace rerank {

// Whole numbers up to 2^53 are exact.
struct NumberRange {
  double least = 0;
  double most = 0;
  const char* unit = "";  // "seconds"; empty: what the name says
  bool is_whole = true;
  bool is_above_least = false;  // `least` itself is none

  constexpr bool contains(double value) const {
    return (is_above_least ? value > least : value >= least) && value <= most;
  }
};

constexpr NumberRange whole_numbers(double least, double most, const char* unit = "") {
  return {.least = least, .most = most, .unit = unit};
}
constexpr NumberRange numbers(double least, double most, const char* unit = "") {
  return {.least = least, .most = most, .unit = unit, .is_whole = false};
}
constexpr NumberRange numbers_above(double least, double most, const char* unit = "") {
  return {.least = least, .most = most, .unit = unit, .is_whole = false, .is_above_least = true};
}

// "whole number of bytes from 1 to 1024", "number above 0 and at most 1": to follow "a" or "is not a".
std::string text_of(const NumberRange& range);
// "[1 to 1024]", for a help.
std::string short_text_of(const NumberRange& range);

// The number that `text` is; unset if it is not in the range.
std::optional<double> parse_number(std::string_view text, const NumberRange& range);

// Throws Error{kInvalidArgument} about the option.
void require_in_range(double value, const char* option, const NumberRange& range);

}  // namespace rerank
