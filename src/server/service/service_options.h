// Authentication, limits and reply formats of the service. The options of the engine are not here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace rerank {

struct ServiceOptions {
  std::vector<std::string> served_names;  // the first one is used in replies; empty: the engine's model
  std::vector<std::string> api_keys;      // empty: no authentication
  std::vector<std::string> allowed_origins = {"*"};
  std::string root_path;      // a path prefix that a proxy does not remove
  std::string reply_format;   // empty: depends on the request; otherwise used for all
  bool auto_truncate = true;  // false: pairs that are too long are refused unless the request says otherwise
  std::int32_t max_documents = 10'000;  // per request
  std::int64_t max_queued_documents = 20'000;
  std::int64_t max_queued_tokens = 8'000'000;              // estimated
  std::size_t max_inflated_bytes = std::size_t{64} << 20;  // of a gzip body
  std::chrono::milliseconds request_timeout{0};            // 0: only those of requests
  int num_workers = 0;  // threads for large bodies and replies; 0: 1, or 4 on 16 or more processors

  bool log_access = true;
  bool log_requests = false;       // parameters without texts
  bool log_request_texts = false;  // with log_requests: including texts
};

}  // namespace rerank
