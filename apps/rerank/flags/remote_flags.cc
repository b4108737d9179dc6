#include "apps/rerank/flags/remote_flags.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <utility>

#include "apps/rerank/command.h"
#include "apps/rerank/commands/remote_judge.h"
#include "apps/rerank/flags/engine_flags.h"
#include "apps/rerank/flags/number_flags.h"

namespace rerank::cli {
namespace {

constexpr const char* kRemoteGroup = "Asking a server";

// The first flag of `of_others` that the command line of `command` holds; empty: none.
std::string first_given(const CLI::App& command, const CLI::App& of_others) {
  for (const CLI::Option* const known : of_others.get_options()) {
    for (const std::string& name : known->get_lnames()) {
      const CLI::Option* const option = command.get_option_no_throw("--" + name);
      if (option != nullptr && option->count() > 0) return "--" + name;
    }
  }
  return {};
}

void add_connection_flags(CLI::App& command, RemoteFlags& flags) {
  ClientOptions& client = flags.client;
  const auto text = [&command](const char* name, std::string& value, const char* type,
                               const char* description) {
    command.add_option(name, value, description)->type_name(type)->group(kRemoteGroup);
  };
  text("--unix-socket", client.unix_socket, "PATH", "connect to this socket instead of the URL's host");
  text("--api-key", client.api_key, "KEY", "better in the environment: $RERANK_API_KEY, else $VLLM_API_KEY");
  text("--ca-file", client.ca_file, "FILE", "PEM of who signed the server's certificate; else the system's");
  text("--certificate-file", client.certificate_file, "FILE", "PEM to show the server");
  text("--key-file", client.key_file, "FILE", "PEM of its key; else in the certificate's file");
  const auto flag = [&command](const char* name, bool& value, const char* description) {
    command.add_flag(name, value, description)->group(kRemoteGroup);
  };
  flag("--verify-tls,!--no-verify-tls", client.verify_tls,
       "check the server's certificate (on unless switched off)");
  command.get_option("--verify-tls")->default_str("true");
  flag("--compress-requests", client.compress_requests, "gzip; rerank.cpp reads it, few others do");
  flag("--compress-replies", client.compress_replies, "ask for gzip");
}

}  // namespace

void add_remote_flags(CLI::App& command, RemoteFlags& flags) {
  ClientOptions& client = flags.client;
  const auto take_url = [&flags](const std::vector<std::string>& given) {
    flags.client.url = given.back();
    flags.has_url = true;
    return true;
  };
  command
      .add_option("--url", take_url,
                  "ask the server there and load nothing; --model is then the name that it serves")
      ->type_name("URL")
      ->group(kRemoteGroup);
  command
      .add_flag("--remote", flags.remote,
                "the same, at the URL of the settings: $RERANK_URL, else http://localhost:8000")
      ->group(kRemoteGroup);
  add_choice(command, "--dialect", client.dialect,
             {"auto", "rerank", "vllm", "tei", "llama.cpp", "infinity", "cohere", "jina"},
             "which server it is; auto asks it")
      ->group(kRemoteGroup);
  add_seconds(command, "--timeout", client.timeout,
              "for each request, retries included; 120 unless given; 0: none")
      ->group(kRemoteGroup);
  add_seconds(command, "--connect-timeout", client.connect_timeout, "5 unless given")->group(kRemoteGroup);
  add_count(command, "--max-retries", client.max_retries, ranges::kRetries, "of a request; 4 unless given")
      ->group(kRemoteGroup);
  add_count(command, "--client-max-connections", client.max_connections, ranges::kClientConnections,
            "at a time; 16 unless given")
      ->group(kRemoteGroup);
  add_count(command, "--max-documents-per-request", flags.max_documents_per_request,
            ranges::kDocumentsPerRequest,
            "longer lists are sent as several requests; 0: what the server takes, 1000 at most")
      ->group(kRemoteGroup);
  add_connection_flags(command, flags);
}

void check_judge_flags(const CLI::App& command, const EngineOptions& engine, const RemoteFlags& flags) {
  CLI::App others;
  others.set_help_flag();
  if (flags.wants_server()) {
    EngineOptions ignored;
    add_engine_flags(others, ignored);
    const std::string given = first_given(command, others);
    if (!given.empty()) {
      throw UsageError(given + " is for a model that is loaded here: leave it out where a server is asked");
    }
    return;
  }
  RemoteFlags ignored;
  add_remote_flags(others, ignored);
  const std::string given = first_given(command, others);
  if (!given.empty()) throw UsageError(given + " is for a server: name one with --url, or add --remote");
  if (engine.model.empty()) throw UsageError("--model is required, or --url to ask a server");
}

std::unique_ptr<Judge> make_judge(const EngineOptions& engine, const RemoteFlags& flags, bool raw_scores) {
  if (!flags.wants_server()) return engine_judge(engine);
  ClientOptions options = flags.client;
  options.model = engine.model;
  options.max_documents_per_request = static_cast<std::size_t>(flags.max_documents_per_request);
  return remote_judge(std::move(options), raw_scores);
}

std::vector<std::string> without_remote_word(int argc, const char* const* argv) {
  std::vector<std::string> arguments(argv + 1, argv + argc);
  const bool is_short = arguments.size() >= 2 && arguments[0] == "remote" &&
                        (arguments[1] == "rank" || arguments[1] == "score");
  if (!is_short) return arguments;
  arguments.erase(arguments.begin());
  arguments.insert(arguments.begin() + 1, "--remote");
  return arguments;
}

}  // namespace rerank::cli
