// The one door to the logging library: what the program tells its operator, on stderr.
#pragma once

#include <spdlog/spdlog.h>

#include <utility>

namespace rerank::log {

// Writes to stderr: stdout belongs to whoever runs the program. Safe from any thread.
spdlog::logger& logger();

template <typename... Arguments>
void debug(spdlog::format_string_t<Arguments...> text, Arguments&&... arguments) {
  logger().debug(text, std::forward<Arguments>(arguments)...);
}

template <typename... Arguments>
void info(spdlog::format_string_t<Arguments...> text, Arguments&&... arguments) {
  logger().info(text, std::forward<Arguments>(arguments)...);
}

template <typename... Arguments>
void warn(spdlog::format_string_t<Arguments...> text, Arguments&&... arguments) {
  logger().warn(text, std::forward<Arguments>(arguments)...);
}

template <typename... Arguments>
void error(spdlog::format_string_t<Arguments...> text, Arguments&&... arguments) {
  logger().error(text, std::forward<Arguments>(arguments)...);
}

}  // namespace rerank::log
