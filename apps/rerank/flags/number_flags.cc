#include "apps/rerank/flags/number_flags.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cmath>
#include <cstdint>
#include <string_view>
#include <vector>

namespace rerank::cli {
namespace {

std::string refusal(std::string_view given, const NumberRange& range) {
  return fmt::format("\"{}\" is not a {}", given, text_of(range));
}

std::string with_range(const std::string& description, const NumberRange& range) {
  return description + (description.empty() ? "" : " ") + short_text_of(range);
}

}  // namespace

CLI::Option* add_number_flag(CLI::App& command, const std::string& name, const char* type,
                             const NumberRange& range, const std::string& description,
                             const NumberTarget& target) {
  const auto verdict = [range](const std::string& given) {
    return parse_number(given, range) ? std::string() : refusal(given, range);
  };
  const auto take_last = [range, take = target.take](const std::vector<std::string>& given) {
    const auto number = parse_number(given.back(), range);
    if (number) take(*number);
    return number.has_value();
  };
  return command.add_option(name, take_last, with_range(description, range))
      ->type_name(type)
      ->check(CLI::Validator(verdict, ""))
      ->default_str(fmt::format("{}", target.default_value));
}

CLI::Option* add_real(CLI::App& command, const std::string& name, const char* type, double& value,
                      const NumberRange& range, const std::string& description) {
  return add_number_flag(command, name, type, range, description,
                         {.take = [&value](double number) { value = number; }, .default_value = value});
}

CLI::Option* add_seconds(CLI::App& command, const std::string& name, std::chrono::milliseconds& value,
                         const std::string& description) {
  const auto take = [&value](double seconds) {
    value = std::chrono::milliseconds(static_cast<std::int64_t>(std::ceil(seconds * 1000)));
  };
  return add_number_flag(command, name, "SECONDS", ranges::kSeconds, description,
                         {.take = take, .default_value = static_cast<double>(value.count()) / 1000});
}

CLI::Option* add_numbers(CLI::App& command, const std::string& name, std::string& list,
                         const NumberRange& range, const std::string& description, bool may_be_infinite) {
  const auto verdict = [range, may_be_infinite](const std::string& given) {
    for (std::size_t begin = 0; begin <= given.size();) {
      const std::size_t end = std::min(given.find(',', begin), given.size());
      const std::string item = given.substr(begin, end - begin);
      begin = end + 1;
      if (parse_number(item, range) || (may_be_infinite && item == "inf")) continue;
      return refusal(item, range) + (may_be_infinite ? ", and not inf" : "") +
             "; write one, or a list such as 1,2,4";
    }
    return std::string();
  };
  return command.add_option(name, list, with_range(description, range))
      ->type_name("N,...")
      ->check(CLI::Validator(verdict, ""));
}

}  // namespace rerank::cli
