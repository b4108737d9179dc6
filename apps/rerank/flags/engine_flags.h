// The flags that several commands share, named as vLLM names them where it has the thing.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "rerank/engine.h"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
class Option;
}  // namespace CLI

namespace rerank::cli {

// In all of these what is passed by reference must outlive the parse.

// -m, --model: required.
CLI::Option* add_model_flag(CLI::App& command, std::string& model);
// MODEL as the first positional.
void add_model_argument(CLI::App& command, std::string& model);
// All of EngineOptions but the model.
void add_engine_flags(CLI::App& command, EngineOptions& options);

// What every request of a command has in common.
struct RequestFlags {
  std::string instruction;
  std::int32_t max_tokens_per_query = 0;
  std::int32_t max_tokens_per_document = 0;
  bool truncate = true;

  // Fills all fields of `request` but the texts of query and documents.
  void apply_to(Request& request) const;
};

void add_request_flags(CLI::App& command, RequestFlags& flags);

// A flag whose value is one of `values`; the help shows them after its `description`.
CLI::Option* add_choice(CLI::App& command, const std::string& name, std::string& value,
                        const std::vector<std::string>& choices, const std::string& description);

// Throws Error naming the flag if its value is not valid UTF-8.
void require_utf8(const std::string& value, const char* flag);

}  // namespace rerank::cli
