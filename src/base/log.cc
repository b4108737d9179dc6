#include "base/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>

#include <memory>

namespace rerank::log {

spdlog::logger& logger() {
  // Never destroyed: threads may still log while the program ends. Not registered: a program that uses the
  // library may have loggers of its own.
  static auto& instance =
      *new spdlog::logger("rerank", std::make_shared<spdlog::sinks::stderr_color_sink_mt>());
  return instance;
}

}  // namespace rerank::log
