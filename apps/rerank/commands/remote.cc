// rerank remote: for the help; what follows it is parsed as the command it names.
#include <CLI/CLI.hpp>

#include "apps/rerank/command.h"

namespace rerank::cli {
namespace {

constexpr const char* kRemoteExamples = R"(Examples:
  rerank remote rank -q 'edit photos' packages.txt
  RERANK_URL=https://rerank.example.org rerank remote score pairs.jsonl -o scores.jsonl

"rerank remote rank ..." is short for "rerank rank --remote ...", and the same for score: inputs, flags and outputs
are those of the commands that load a model. The server is $RERANK_URL or http://localhost:8000; --url names
another. $RERANK_API_KEY, $RERANK_MODEL, $RERANK_TIMEOUT and the other client settings apply too.
Supported servers: rerank.cpp, vLLM, Text Embeddings Inference, llama.cpp, Infinity, Cohere and Jina.)";

}  // namespace

void add_remote(CLI::App& program, Action& action) {
  CLI::App* command =
      program.add_subcommand("remote", "Rank or score on a server (remote rank, remote score)");
  command->add_option("COMMAND", "rank or score, followed by its flags")->required();
  command->footer(kRemoteExamples);
  command->callback([&action] {
    action = []() -> int {
      throw UsageError("missing command: use rerank remote rank or rerank remote score");
    };
  });
}

}  // namespace rerank::cli
