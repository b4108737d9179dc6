#include "base/number_range.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <system_error>

#include "rerank/error.h"

namespace rerank {
namespace {

template <typename Number>
std::optional<double> parse_as(std::string_view text) {
  Number parsed = 0;
  const char* const end = text.data() + text.size();
  const auto result = std::from_chars(text.data(), end, parsed);
  if (result.ec != std::errc() || result.ptr != end) return std::nullopt;
  return static_cast<double>(parsed);
}

}  // namespace

std::string text_of(const NumberRange& range) {
  std::string text = range.is_whole ? "whole number" : "number";
  if (*range.unit != '\0') text += fmt::format(" of {}", range.unit);
  return text +
         fmt::format(fmt::runtime(range.is_above_least ? " above {} and at most {}" : " from {} to {}"),
                     range.least, range.most);
}

std::string short_text_of(const NumberRange& range) {
  return fmt::format("[{}{} to {}]", range.is_above_least ? "above " : "", range.least, range.most);
}

std::optional<double> parse_number(std::string_view text, const NumberRange& range) {
  const auto parsed = range.is_whole ? parse_as<std::int64_t>(text) : parse_as<double>(text);
  return parsed && range.contains(*parsed) ? parsed : std::nullopt;
}

void require_in_range(double value, const char* option, const NumberRange& range) {
  if (range.contains(value)) return;
  throw Error(ErrorCode::kInvalidArgument, {.member = option},
              fmt::format("must be a {}, not {}", text_of(range), value));
}

}  // namespace rerank
