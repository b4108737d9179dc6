// rerank serve: the engine as a long-running HTTP service.
#include <string.h>

#include <CLI/CLI.hpp>
#include <fstream>
#include <memory>

#include "apps/rerank/command.h"
#include "apps/rerank/flags/engine_flags.h"
#include "apps/rerank/flags/serve_flags.h"
#include "apps/rerank/interruption.h"
#include "base/log_event.h"
#include "rerank/error.h"
#include "server/serving.h"

namespace rerank::cli {
namespace {

constexpr const char* kServeExamples = R"(Examples:
  rerank serve demo --port 8000
  rerank serve Qwen/Qwen3-Reranker-0.6B --served-model-name reranker --api-key-file keys.txt
  curl localhost:8000/v1/rerank -d '{"query": "edit photos", "documents": ["gimp", "bash"]}'

Compatible with clients of Cohere, Jina, vLLM, TEI, Infinity, Voyage, NIM and others. A running server has its
API documentation at /docs and a playground at /. On SIGTERM or Ctrl-C it answers the requests it has accepted, then
exits.)";

std::vector<std::string> keys_in_file(const std::string& path) {
  std::ifstream file(path);
  require(file.good(), "--api-key-file " + path + ": the file cannot be read");
  std::vector<std::string> keys;
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t begin = line.find_first_not_of(" \t\r");
    if (begin == std::string::npos || line[begin] == '#') continue;
    keys.push_back(line.substr(begin, line.find_last_not_of(" \t\r") + 1 - begin));
  }
  require(!keys.empty(),
          "--api-key-file " + path +
              ": the file contains no key; write one per line, lines starting with # are comments");
  return keys;
}

log::Level level_named(const std::string& name) {
  if (name == "trace" || name == "debug") return log::Level::kDebug;
  if (name == "warning") return log::Level::kWarn;
  return name == "info" ? log::Level::kInfo : log::Level::kError;
}

int run(ServeFlags& flags) {
  ServingOptions& serving = flags.serving;
  if (!flags.model_argument.empty() && !flags.model_flag.empty()) {
    throw UsageError("the model is given twice, as an argument and with --model; remove one");
  }
  serving.engine.model = flags.model_argument.empty() ? flags.model_flag : flags.model_argument;
  if (serving.engine.model.empty()) throw UsageError("no model given; use rerank serve MODEL");
  check_vllm_flags(flags);
  if (!flags.allowed_origins.empty()) {
    serving.service.allowed_origins = listed_words(flags.allowed_origins, "--allowed-origins");
  }
  while (serving.service.root_path.ends_with('/')) serving.service.root_path.pop_back();
  serving.service.max_inflated_bytes = serving.listen.max_body_bytes;
  if (!flags.log_statistics) serving.statistics_interval = {};
  if (!flags.api_key_file.empty()) {
    for (std::string& key : keys_in_file(flags.api_key_file))
      serving.service.api_keys.push_back(std::move(key));
  }
  log::configure(level_named(flags.log_level),
                 flags.log_format == "json" ? log::Format::kJson : log::Format::kText);
  serve(serving, interrupted);
  return kDone;
}

}  // namespace

void add_serve(CLI::App& program, Action& action) {
  CLI::App* command = program.add_subcommand("serve", "Start an HTTP server for rerank and score requests");
  auto flags = std::make_shared<ServeFlags>();
  add_serve_flags(*command, *flags);
  add_engine_flags(*command, flags->serving.engine);
  add_vllm_flags(*command, *flags);
  command->footer(kServeExamples);
  command->callback([flags, &action] { action = [flags] { return run(*flags); }; });
}

void hide_api_keys(int argc, char** argv) {
  const auto hide = [](char* text) { memset(text, '*', strlen(text)); };
  const std::string flag = "--api-key";
  for (int index = 1; index < argc; ++index) {
    const std::string argument = argv[index];
    if (argument == flag && index + 1 < argc) hide(argv[++index]);
    if (argument.starts_with(flag + "=")) hide(argv[index] + flag.size() + 1);
  }
}

}  // namespace rerank::cli
