// The flags that make a command ask a server instead of loading a model, and `rerank remote`, which is short
// for them.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "apps/rerank/commands/scorer.h"
#include "rerank/client.h"

namespace CLI {  // NOLINT(readability-identifier-naming): not ours
class App;
}

namespace rerank::cli {

struct RemoteFlags {
  bool remote = false;
  bool has_url = false;
  ClientOptions client;
  std::int32_t max_documents_per_request = 0;

  bool wants_server() const { return remote || has_url; }
};

// `flags` must outlive the parse.
void add_remote_flags(CLI::App& command, RemoteFlags& flags);

// Throws UsageError naming a flag of `command` that fits only a server, or only an engine, where the other is
// asked for, or --model where an engine has none.
void check_scorer_flags(const CLI::App& command, const EngineOptions& engine, const RemoteFlags& flags);

// A server if `flags` say so, otherwise an engine with `engine`'s options. Throws Error.
std::unique_ptr<Scorer> make_scorer(const EngineOptions& engine, const RemoteFlags& flags, bool raw_scores);

// "rerank remote rank ..." as "rerank rank --remote ...".
std::vector<std::string> without_remote_word(int argc, const char* const* argv);

}  // namespace rerank::cli
