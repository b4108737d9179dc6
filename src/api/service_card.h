// What the service reports about itself: models, limits, version, health. The caller provides the facts.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "api/routes.h"

namespace rerank::api {

struct ServiceCard {
  std::vector<std::string> served_names;  // not empty
  std::string model;                      // the name under which it was loaded
  std::string dtype;
  // As in EngineInfo.
  std::string prompt;
  std::string score_function;
  std::string score_source;
  std::int64_t created = 0;  // seconds since 1970
  std::int32_t max_model_len = 0;
  std::int32_t max_num_batched_tokens = 0;
  std::int32_t max_num_seqs = 0;
  std::int64_t max_concurrent_requests = 0;
  std::int64_t max_documents = 0;
  std::int32_t num_tokenizer_threads = 1;
  bool auto_truncate = true;
  bool needs_key = false;
};

// Each returns the JSON of the route of its name.
std::string write_models(const ServiceCard& card, const Dialect& dialect);
std::string write_model(const ServiceCard& card, std::string_view id);  // Throws ApiError (404).
std::string write_info(const ServiceCard& card);
std::string write_version();
std::string write_cluster_auth(const ServiceCard& card);
std::string write_meta();
// For /health, live and ready; `message` is for people, such as "The model is being loaded."
std::string write_health(bool is_good, std::string_view message);

}  // namespace rerank::api
