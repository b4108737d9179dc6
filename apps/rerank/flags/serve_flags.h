// The flags of `rerank serve`: ours, and those of `vllm serve` that people have in their scripts.
#pragma once

#include <string>
#include <vector>

#include "server/serving.h"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
}

namespace rerank::cli {

// What the command line says, before it is made sense of.
struct ServeFlags {
  ServingOptions serving;
  std::string model_argument;
  std::string model_flag;
  std::string api_key_file;
  std::string allowed_origins;  // as given: a JSON list, or one origin
  std::string log_level = "info";
  std::string log_format = "text";
  bool log_statistics = true;

  // Of vLLM: each must mean what this program does anyway.
  std::string task;
  std::string runner;
  std::string convert;
  std::string hf_overrides;
  std::string chat_template;
  bool trust_remote_code = false;
  std::int64_t seed = 0;
};

// `flags` must outlive the parse.
void add_serve_flags(CLI::App& command, ServeFlags& flags);
void add_vllm_flags(CLI::App& command, ServeFlags& flags);

// Throws UsageError for a flag of vLLM's that asks for something else than scoring pairs; says on stderr
// which ones have no effect.
void check_vllm_flags(const ServeFlags& flags);

// The list that a flag of vLLM takes: JSON, or a single word. Throws UsageError naming the flag.
std::vector<std::string> listed_words(const std::string& given, const char* flag);

}  // namespace rerank::cli
