// Structured lines of the log: a message and named values, as text for people or as JSON for collectors. Also
// what is logged, and how.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

namespace rerank::log {

enum class Level { kDebug, kInfo, kWarn, kError, kOff };
enum class Format { kText, kJson };

struct Field {
  std::string_view name;
  std::variant<std::string_view, std::int64_t, double, bool> value;
};

// For the whole program, from now on. Where stderr is not a terminal, lines are dropped while its reader is
// too slow: nobody waits for a log. Call before other threads log.
void configure(Level least, Format format);

bool is_enabled(Level level);

// Since the start.
std::int64_t num_dropped_lines();

// One line; texts in it cannot forge another one. Safe from any thread.
void event(Level level, std::string_view message, std::span<const Field> fields);

}  // namespace rerank::log
