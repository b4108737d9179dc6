// The one door to the logging library: what the program tells its operator, on stderr.
#pragma once

#include <spdlog/spdlog.h>

namespace rerank::log {

using spdlog::debug;
using spdlog::error;
using spdlog::info;
using spdlog::warn;

}  // namespace rerank::log
