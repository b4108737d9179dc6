#include "apps/rerank/flags/serve_flags.h"

#include <CLI/CLI.hpp>
#include <cstddef>

#include "apps/rerank/flags/engine_flags.h"
#include "apps/rerank/flags/number_flags.h"

namespace rerank::cli {
namespace {

constexpr const char* kListenGroup = "Where it listens";
constexpr const char* kAccessGroup = "Who may ask, and how much";
constexpr const char* kTimeGroup = "Time limits, in seconds";
constexpr const char* kLogGroup = "What it says";

constexpr NumberRange kRequestDocuments = whole_numbers(1, 10'000'000);
constexpr NumberRange kQueuedDocuments = whole_numbers(1, 1e9);
constexpr NumberRange kQueuedTokens = whole_numbers(1, 1e12);
constexpr NumberRange kConnections = whole_numbers(1, 1'000'000);
constexpr NumberRange kBodyBytes = whole_numbers(1, 17'179'869'184, "bytes");          // 16 GiB
constexpr NumberRange kBufferedBytes = whole_numbers(1, 17'592'186'044'416, "bytes");  // 16 TiB

template <typename Number>
void add_limit(CLI::App& command, const std::string& name, Number& value, const NumberRange& range,
               const std::string& description) {
  add_count(command, name, value, range, description + " (" + std::to_string(value) + ")")
      ->group(kAccessGroup);
}

void add_listen_flags(CLI::App& command, ListenOptions& listen) {
  const auto add = [&](const char* name, auto& value, const char* type, const char* description) {
    command.add_option(name, value, description)->type_name(type)->group(kListenGroup);
  };
  add("--host", listen.host, "ADDRESS", "address or name to listen on (0.0.0.0: every one of IPv4)");
  add_count(command, "--port", listen.port, ranges::kPort, "8000 unless given; 0: any free one")
      ->group(kListenGroup);
  add("--uds", listen.unix_socket, "PATH", "a Unix socket instead of host and port");
  add("--ssl-certfile", listen.tls_certificate_file, "FILE", "PEM, the chain included: TLS only");
  add("--ssl-keyfile", listen.tls_key_file, "FILE", "PEM; else the key is in the certificate's file");
  add("--ssl-ca-certs", listen.tls_ca_file, "FILE", "PEM; clients must show a certificate that it signed");
  add_count(command, "--http-threads", listen.num_threads, ranges::kSocketThreads,
            "that read and write sockets; 0: 1 or 2, by processors")
      ->group(kListenGroup);
}

void add_access_flags(CLI::App& command, ServeFlags& flags) {
  ServiceOptions& service = flags.serving.service;
  ListenOptions& listen = flags.serving.listen;
  command
      .add_option("--api-key", service.api_keys,
                  "a key that clients must send; may be repeated. Better in the environment, as "
                  "$RERANK_API_KEY or $VLLM_API_KEY: other users of this machine do not see it there")
      ->type_name("KEY")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group(kAccessGroup);
  command.add_option("--api-key-file", flags.api_key_file, "keys, one a line; # begins a line of comment")
      ->type_name("FILE")
      ->group(kAccessGroup);
  command
      .add_option("--allowed-origins", flags.allowed_origins,
                  "origins of pages that may call from a browser, as a "
                  "JSON list; all unless given")
      ->type_name("LIST")
      ->group(kAccessGroup);
  add_limit(command, "--max-documents", service.max_documents, kRequestDocuments, "documents of a request");
  add_limit(command, "--max-queued-documents", service.max_queued_documents, kQueuedDocuments,
            "documents waiting or being scored; more: 429");
  add_limit(command, "--max-queued-tokens", service.max_queued_tokens, kQueuedTokens,
            "the same in tokens, estimated");
  add_limit(command, "--max-connections", listen.max_connections, kConnections, "open connections");
  add_limit(command, "--max-body-bytes", listen.max_body_bytes, kBodyBytes,
            "of a request's body, also once inflated; more: 413");
  add_limit(command, "--max-buffered-bytes", flags.serving.max_buffered_bytes, kBufferedBytes,
            "that all requests and replies under way may hold; more: 429");
  command
      .add_flag("--auto-truncate,!--no-auto-truncate", service.auto_truncate,
                "cut documents that are too long where a request does not say (on unless switched off)")
      ->default_str("true")
      ->group(kAccessGroup);
}

void add_time_flags(CLI::App& command, ServingOptions& serving) {
  const auto add = [&command](const char* name, std::chrono::milliseconds& value, const char* description) {
    add_seconds(command, name, value, description)->group(kTimeGroup);
  };
  add("--request-timeout", serving.service.request_timeout,
      "for an answer; a request may ask for less by the header X-Request-Timeout. 0: no limit");
  add("--header-timeout", serving.listen.header_timeout, "for a request's headers (10)");
  add("--body-timeout", serving.listen.body_timeout, "for a request's body (60)");
  add("--write-timeout", serving.listen.write_timeout, "for a client to take its reply (60)");
  add("--idle-timeout", serving.listen.idle_timeout, "between two requests (75)");
  add("--drain-timeout", serving.drain_timeout,
      "after SIGTERM, for what was accepted (30); a second signal ends at once");
  add("--shutdown-delay", serving.shutdown_delay,
      "after SIGTERM, to go on serving while not ready, so that routers notice (0)");
}

void add_log_flags(CLI::App& command, ServeFlags& flags) {
  ServiceOptions& service = flags.serving.service;
  add_choice(command, "--log-format", flags.log_format, {"text", "json"}, "text unless given")
      ->group(kLogGroup);
  add_choice(command, "--uvicorn-log-level,--log-level", flags.log_level,
             {"trace", "debug", "info", "warning", "error", "critical"}, "info unless given")
      ->group(kLogGroup);
  const auto add_flag = [&](const char* name, bool& value, const char* description) {
    command.add_flag(name, value, description)->group(kLogGroup);
  };
  add_flag("--log-requests,--enable-log-requests", service.log_requests,
           "what each request asked for, without its texts");
  add_flag("--log-request-texts", service.log_request_texts,
           "with --log-requests: the start of query and first document too");
  add_flag("!--disable-uvicorn-access-log,!--disable-access-log", service.log_access,
           "no line for each request");
  add_flag("!--disable-log-stats", flags.log_statistics, "no line of statistics every 10 seconds");
}

}  // namespace

void add_serve_flags(CLI::App& command, ServeFlags& flags) {
  ServiceOptions& service = flags.serving.service;
  command.add_option(
      "MODEL", flags.model_argument,
      "a directory, a name in the Hugging Face cache (Qwen/Qwen3-Reranker-0.6B), demo or synth:SIZE");
  command.add_option("-m,--model", flags.model_flag, "the same as a flag")->type_name("MODEL");
  command
      .add_option("--served-model-name", service.served_names,
                  "what clients call it; several are all known, the "
                  "first stands in replies")
      ->type_name("NAME")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--root-path", service.root_path, "prefix of all paths, where a proxy leaves one on")
      ->type_name("PATH");
  add_choice(command, "--reply-format", service.reply_format,
             {"standard", "tei", "weaviate", "nim", "voyage", "mixedbread", "infinity"},
             "of every rerank reply, for clients that cannot be told apart");
  add_count(command, "--workers", service.num_workers, ranges::kSocketThreads,
            "threads that read and write large bodies; 0: by processors");
  add_listen_flags(command, flags.serving.listen);
  add_access_flags(command, flags);
  add_time_flags(command, flags.serving);
  add_log_flags(command, flags);
}

}  // namespace rerank::cli
