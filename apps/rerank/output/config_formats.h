// What `rerank config` prints: for people, for programs and for a shell. A secret is in none of them.
#pragma once

#include <string>

#include "apps/rerank/commands/config_report.h"

namespace rerank::cli {

std::string as_text(const ConfigReport& report);

// {"command","files":[...],"settings":[{"key","value","source":{"kind","name","file","line"}}]}; the value of
// a secret is true if it is set, otherwise null.
std::string as_json(const ConfigReport& report);

// NAME='value' lines of what is set, by the names that scripts/start_rerank.sh has.
std::string as_shell(const ConfigReport& report);

}  // namespace rerank::cli
