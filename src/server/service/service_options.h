// Who may ask the service, how much it accepts and how it answers. The engine's own options are not here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rerank {

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
