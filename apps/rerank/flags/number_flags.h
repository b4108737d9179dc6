// Flags whose values are numbers. Each has a range: what is outside is refused with the flag's name and the
// range, from the command line and from a setting alike, and the help shows it.
#pragma once

#include <chrono>
#include <functional>
#include <string>

#include "base/option_ranges.h"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
class Option;
}  // namespace CLI

namespace rerank::cli {

// In all of these what is passed by reference must outlive the parse.

// Where a flag's number goes, and what it is without the flag.
struct NumberTarget {
  std::function<void(double)> take;
  double default_value = 0;
};

// The help shows `type` as the name of the value.
CLI::Option* add_number_flag(CLI::App& command, const std::string& name, const char* type,
                             const NumberRange& range, const std::string& description,
                             const NumberTarget& target);

template <typename Number>
CLI::Option* add_count(CLI::App& command, const std::string& name, Number& value, const NumberRange& range,
                       const std::string& description) {
  return add_number_flag(command, name, "N", range, description,
                         {.take = [&value](double number) { value = static_cast<Number>(number); },
                          .default_value = static_cast<double>(value)});
}

CLI::Option* add_real(CLI::App& command, const std::string& name, const char* type, double& value,
                      const NumberRange& range, const std::string& description);

// Seconds, fractions allowed, rounded up to milliseconds.
CLI::Option* add_seconds(CLI::App& command, const std::string& name, std::chrono::milliseconds& value,
                         const std::string& description);

// A list such as "1,2,4", each of whose numbers is of the range; where `may_be_infinite`, also "inf". The
// text is kept as it is.
CLI::Option* add_numbers(CLI::App& command, const std::string& name, std::string& list,
                         const NumberRange& range, const std::string& description,
                         bool may_be_infinite = false);

}  // namespace rerank::cli
