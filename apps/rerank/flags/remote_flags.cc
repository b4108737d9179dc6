#include "apps/rerank/flags/remote_flags.h"

#include <CLI/CLI.hpp>
#include <chrono>
#include <utility>

#include "apps/rerank/command.h"
#include "apps/rerank/commands/remote_scorer.h"
#include "apps/rerank/flags/engine_flags.h"
#include "apps/rerank/flags/number_flags.h"

namespace rerank::cli {
namespace {

constexpr const char* kRemoteGroup = "Using a server";

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
  text("--api-key", client.api_key, "KEY",
       "API key; safer in the environment, as $RERANK_API_KEY or $VLLM_API_KEY");
  text("--ca-file", client.ca_file, "FILE",
       "CA certificates (PEM) to verify the server with; default: the system's");
  text("--certificate-file", client.certificate_file, "FILE", "client certificate (PEM)");
  text("--key-file", client.key_file, "FILE",
       "private key of the client certificate (PEM); default: read from the certificate file");
  const auto flag = [&command](const char* name, bool& value, const char* description) {
    command.add_flag(name, value, description)->group(kRemoteGroup);
  };
  flag("--verify-tls,!--no-verify-tls", client.verify_tls, "verify the server's certificate (on by default)");
  command.get_option("--verify-tls")->default_str("true");
  flag("--compress-requests", client.compress_requests,
       "send request bodies with gzip; rerank.cpp accepts that, few other servers do");
  flag("--compress-replies", client.compress_replies, "ask the server for gzip replies");
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
                  "send requests to this server instead of loading a model; --model is then the name the "
                  "server knows it by")
      ->type_name("URL")
      ->group(kRemoteGroup);
  command
      .add_flag("--remote", flags.remote,
                "like --url, with the configured URL: $RERANK_URL, or http://localhost:8000")
      ->group(kRemoteGroup);
  add_choice(command, "--dialect", client.dialect,
             {"auto", "rerank", "vllm", "tei", "llama.cpp", "infinity", "cohere", "jina"},
             "the server's API; auto: detect it")
      ->group(kRemoteGroup);
  add_seconds(command, "--timeout", client.timeout,
              "time limit per request, including retries; default 120; 0: no limit")
      ->group(kRemoteGroup);
  add_seconds(command, "--connect-timeout", client.connect_timeout, "default 5")->group(kRemoteGroup);
  add_count(command, "--max-retries", client.max_retries, ranges::kRetries, "retries per request; default 4")
      ->group(kRemoteGroup);
  add_count(command, "--client-max-connections", client.max_connections, ranges::kClientConnections,
            "maximum number of connections; default 16")
      ->group(kRemoteGroup);
  add_count(command, "--max-documents-per-request", flags.max_documents_per_request,
            ranges::kDocumentsPerRequest,
            "split longer lists into several requests; 0: the server's limit, at most 1000")
      ->group(kRemoteGroup);
  add_connection_flags(command, flags);
}

void check_scorer_flags(const CLI::App& command, const EngineOptions& engine, const RemoteFlags& flags) {
  CLI::App others;
  others.set_help_flag();
  if (flags.wants_server()) {
    EngineOptions ignored;
    add_engine_flags(others, ignored);
    const std::string given = first_given(command, others);
    if (!given.empty()) {
      throw UsageError(given +
                       " applies only to a model loaded in this process; remove it when using a server");
    }
    return;
  }
  RemoteFlags ignored;
  add_remote_flags(others, ignored);
  const std::string given = first_given(command, others);
  if (!given.empty()) throw UsageError(given + " applies only to a server; add --url URL or --remote");
  if (engine.model.empty()) throw UsageError("--model is required, or --url to use a server");
}

std::unique_ptr<Scorer> make_scorer(const EngineOptions& engine, const RemoteFlags& flags, bool raw_scores) {
  if (!flags.wants_server()) return engine_scorer(engine);
  ClientOptions options = flags.client;
  options.model = engine.model;
  options.max_documents_per_request = static_cast<std::size_t>(flags.max_documents_per_request);
  return remote_scorer(std::move(options), raw_scores);
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
