// How the service listens, whom it lets in and how much it takes on. The engine's own options are not here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rerank {

// Where it listens and what a connection may cost.
struct ListenOptions {
  std::string host = "0.0.0.0";
  int port = 8000;           // 0: any free one
  std::string unix_socket;   // a path: listens there instead of host and port
  std::string tls_key_file;  // PEM; with tls_certificate_file: TLS only
  std::string tls_certificate_file;
  std::string tls_ca_file;  // not empty: clients must show a certificate signed by it
  int num_threads = 0;      // event loops; 0: 1, or 2 with 8 processors and more
  std::size_t max_connections = 16384;
  std::size_t max_header_bytes = std::size_t{32} << 10;
  std::size_t max_body_bytes = std::size_t{64} << 20;  // as sent, and once inflated
  std::chrono::milliseconds header_timeout{10'000};    // from a request's first byte to its last header
  std::chrono::milliseconds body_timeout{60'000};      // for the whole body
  std::chrono::milliseconds write_timeout{60'000};     // for the whole reply
  std::chrono::milliseconds idle_timeout{75'000};      // between two requests
};

// What the service lets in and says.
struct ServiceOptions {
  std::vector<std::string> served_names;  // the first one stands in replies; empty: the engine's model
  std::vector<std::string> api_keys;      // empty: no key is asked for
  std::vector<std::string> allowed_origins = {"*"};
  std::string root_path;                // a prefix of paths that a proxy leaves on
  std::string reply_format;             // empty: by the request; else one shape for all
  bool auto_truncate = true;            // false: a pair that is too long is refused unless a request asks
  std::int32_t max_documents = 10'000;  // of a request
  std::int64_t max_queued_documents = 20'000;
  std::int64_t max_queued_tokens = 8'000'000;              // estimated
  std::size_t max_inflated_bytes = std::size_t{64} << 20;  // of a gzip body
  std::chrono::milliseconds request_timeout{0};            // 0: none but what a request asks for
  int num_workers = 0;  // threads that read and write what is large; 0: 1, or 4 with 16 processors and more

  bool log_access = true;
  bool log_requests = false;       // what was asked, without its texts
  bool log_request_texts = false;  // with log_requests: the texts too
};

}  // namespace rerank
