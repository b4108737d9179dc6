// Where the server listens, and the limits of a connection.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace rerank {

struct ListenOptions {
  std::string host = "0.0.0.0";
  int port = 8000;           // 0: any free port
  std::string unix_socket;   // a path, used instead of host and port
  std::string tls_key_file;  // PEM; with tls_certificate_file all connections use TLS
  std::string tls_certificate_file;
  std::string tls_ca_file;  // if set, clients must present a certificate signed by it
  int num_threads = 0;      // event loops; 0: 1, or 2 on 8 or more processors
  std::size_t max_connections = 16384;
  std::size_t max_header_bytes = std::size_t{32} << 10;
  std::size_t max_body_bytes = std::size_t{64} << 20;  // as sent and decompressed
  std::chrono::milliseconds header_timeout{10'000};    // from a request's first byte to its last header
  std::chrono::milliseconds body_timeout{60'000};      // for the whole body
  std::chrono::milliseconds write_timeout{60'000};     // for the whole reply
  std::chrono::milliseconds idle_timeout{75'000};      // between two requests
};

}  // namespace rerank
