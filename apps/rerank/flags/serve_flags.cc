#include "apps/rerank/flags/serve_flags.h"

#include <CLI/CLI.hpp>
#include <cstddef>

#include "api/dialects/dialects.h"
#include "apps/rerank/flags/engine_flags.h"
#include "apps/rerank/flags/number_flags.h"

namespace rerank::cli {
namespace {

constexpr const char* kListenGroup = "Listening";
constexpr const char* kAccessGroup = "Access and limits";
constexpr const char* kTimeGroup = "Timeouts, in seconds";
constexpr const char* kLogGroup = "Logging";

constexpr NumberRange kRequestDocuments = whole_numbers(1, 10'000'000);
constexpr NumberRange kQueuedDocuments = whole_numbers(1, 1e9);
constexpr NumberRange kQueuedTokens = whole_numbers(1, 1e12);
constexpr NumberRange kConnections = whole_numbers(1, 1'000'000);
constexpr NumberRange kBodyBytes = whole_numbers(1, 17'179'869'184, "bytes");          // 16 GiB
constexpr NumberRange kBufferedBytes = whole_numbers(1, 17'592'186'044'416, "bytes");  // 16 TiB

template <typename Number>
void add_limit(CLI::App& command, const std::string& name, Number& value, const NumberRange& range,
               const std::string& description) {
  add_count(command, name, value, range, description + "; default " + std::to_string(value))
      ->group(kAccessGroup);
}

void add_listen_flags(CLI::App& command, ListenOptions& listen) {
  const auto add = [&](const char* name, auto& value, const char* type, const char* description) {
    command.add_option(name, value, description)->type_name(type)->group(kListenGroup);
  };
  add("--host", listen.host, "ADDRESS", "address or host name to listen on; 0.0.0.0: all IPv4 addresses");
  add_count(command, "--port", listen.port, ranges::kPort, "default 8000; 0: any free port")
      ->group(kListenGroup);
  add("--uds", listen.unix_socket, "PATH", "listen on this Unix socket instead of host and port");
  add("--ssl-certfile", listen.tls_certificate_file, "FILE",
      "certificate chain (PEM); the server then accepts only TLS");
  add("--ssl-keyfile", listen.tls_key_file, "FILE",
      "private key (PEM); default: read from the certificate file");
  add("--ssl-ca-certs", listen.tls_ca_file, "FILE",
      "CA certificates (PEM); clients must present a certificate signed by one of them");
  add_count(command, "--http-threads", listen.num_threads, ranges::kSocketThreads,
            "threads that read and write sockets; 0: 1 or 2, depending on the number of CPUs")
      ->group(kListenGroup);
}

void add_access_flags(CLI::App& command, ServeFlags& flags) {
  ServiceOptions& service = flags.serving.service;
  ListenOptions& listen = flags.serving.listen;
  command
      .add_option("--api-key", service.api_keys,
                  "API key that clients must send; may be repeated. Safer in the environment, as "
                  "$RERANK_API_KEY or $VLLM_API_KEY, where other users of this machine cannot see it")
      ->type_name("KEY")
      ->allow_extra_args(false)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->group(kAccessGroup);
  command
      .add_option("--api-key-file", flags.api_key_file,
                  "file of API keys, one per line; lines starting with # are comments")
      ->type_name("FILE")
      ->group(kAccessGroup);
  command
      .add_option("--allowed-origins", flags.allowed_origins,
                  "web origins that browsers may call from (CORS), as a JSON list; default: all")
      ->type_name("LIST")
      ->group(kAccessGroup);
  add_limit(command, "--max-documents", service.max_documents, kRequestDocuments,
            "maximum number of documents in a request");
  add_limit(command, "--max-queued-documents", service.max_queued_documents, kQueuedDocuments,
            "maximum number of documents queued or being scored, beyond which requests get 429");
  add_limit(command, "--max-queued-tokens", service.max_queued_tokens, kQueuedTokens,
            "the same in estimated tokens");
  add_limit(command, "--max-connections", listen.max_connections, kConnections,
            "maximum number of open connections");
  add_limit(command, "--max-body-bytes", listen.max_body_bytes, kBodyBytes,
            "maximum size of a request body, before and after decompression, beyond which it gets 413");
  add_limit(command, "--max-buffered-bytes", flags.serving.max_buffered_bytes, kBufferedBytes,
            "memory that all requests and replies in progress may use, beyond which requests get 429");
  command
      .add_flag("--auto-truncate,!--no-auto-truncate", service.auto_truncate,
                "truncate documents that are too long, if the request does not say (on by default)")
      ->default_str("true")
      ->group(kAccessGroup);
}

void add_time_flags(CLI::App& command, ServingOptions& serving) {
  const auto add = [&command](const char* name, std::chrono::milliseconds& value, const char* description) {
    add_seconds(command, name, value, description)->group(kTimeGroup);
  };
  add("--request-timeout", serving.service.request_timeout,
      "for a reply; a request may set a shorter one with the header X-Request-Timeout; 0: no limit");
  add("--header-timeout", serving.listen.header_timeout, "for a request's headers; default 10");
  add("--body-timeout", serving.listen.body_timeout, "for a request's body; default 60");
  add("--write-timeout", serving.listen.write_timeout, "for a client to read its reply; default 60");
  add("--idle-timeout", serving.listen.idle_timeout, "for an idle keep-alive connection; default 75");
  add("--drain-timeout", serving.drain_timeout,
      "after SIGTERM, for accepted requests to finish; default 30; a second signal stops at once");
  add("--shutdown-delay", serving.shutdown_delay,
      "after SIGTERM, keep serving while reporting not ready, so that load balancers notice; default 0");
}

void add_log_flags(CLI::App& command, ServeFlags& flags) {
  ServiceOptions& service = flags.serving.service;
  add_choice(command, "--log-format", flags.log_format, {"text", "json"}, "default text")->group(kLogGroup);
  add_choice(command, "--uvicorn-log-level,--log-level", flags.log_level,
             {"trace", "debug", "info", "warning", "error", "critical"}, "default info")
      ->group(kLogGroup);
  const auto add_flag = [&](const char* name, bool& value, const char* description) {
    command.add_flag(name, value, description)->group(kLogGroup);
  };
  add_flag("--log-requests,--enable-log-requests", service.log_requests,
           "log the parameters of each request, without its texts");
  add_flag("--log-request-texts", service.log_request_texts,
           "with --log-requests: also the beginning of the query and of the first document");
  add_flag("!--disable-uvicorn-access-log,!--disable-access-log", service.log_access,
           "do not log a line per request");
  add_flag("!--disable-log-stats", flags.log_statistics, "do not log statistics every 10 seconds");
}

}  // namespace

void add_serve_flags(CLI::App& command, ServeFlags& flags) {
  ServiceOptions& service = flags.serving.service;
  command.add_option(
      "MODEL", flags.model_argument,
      "model directory, name in the Hugging Face cache (Qwen/Qwen3-Reranker-0.6B), demo or synth:SIZE");
  command.add_option("-m,--model", flags.model_flag, "the same, as a flag")->type_name("MODEL");
  command
      .add_option("--served-model-name", service.served_names,
                  "name or names that clients use for the model; replies contain the first")
      ->type_name("NAME")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--root-path", service.root_path, "path prefix, for a proxy that does not strip it")
      ->type_name("PATH");
  add_choice(command, "--reply-format", service.reply_format, api::dialect_names(),
             "format of every rerank reply; default: chosen by the request");
  add_count(command, "--workers", service.num_workers, ranges::kSocketThreads,
            "threads that parse and serialize large bodies; 0: depending on the number of CPUs");
  add_listen_flags(command, flags.serving.listen);
  add_access_flags(command, flags);
  add_time_flags(command, flags.serving);
  add_log_flags(command, flags);
}

}  // namespace rerank::cli
