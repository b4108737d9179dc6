// The servers that the client supports, with their routes and field names. Sends nothing.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "client/base_url.h"

namespace rerank::client {

enum class Dialect { kRerank, kVllm, kTei, kLlamaCpp, kInfinity, kCohere, kJina };

// An empty name means that the server has no such route or field.
struct DialectSpec {
  Dialect dialect;
  std::string_view name;   // in ClientOptions::dialect
  std::string_view label;  // for messages
  std::string_view rerank_path;
  std::string_view score_path;
  std::string_view documents;    // of a rerank request
  std::string_view instruction;  // a dot separates the levels of an object
  std::string_view max_tokens_per_query;
  std::string_view max_tokens_per_document;
  std::string_view priority;
  // Fields, and the JSON value that turns the feature on.
  std::string_view raw_scores;
  std::string_view raw_scores_value;
  std::string_view truncate;
  std::string_view truncate_value;
  std::string_view refuse_value;  // for truncate; empty: the server's default
  std::string_view no_echo;       // a member that omits the documents from the response
  bool needs_model = false;
  bool takes_deadline = false;  // the header X-Request-Timeout
  std::size_t max_documents = 1000;
  std::size_t max_request_bytes = std::size_t{16} << 20;
};

const DialectSpec& spec_of(Dialect dialect);

// The spec with this name. Throws Error listing the names.
const DialectSpec& spec_named(std::string_view name);

// The dialect of a service that is known by its host, such as api.cohere.com; null if it is not known.
const DialectSpec* spec_of_host(std::string_view host);

struct Routes {
  std::string rerank;
  std::string score;  // empty: none
};

// Where requests go: to the route in the URL, or to that of the dialect below it.
Routes routes_of(const BaseUrl& url, const DialectSpec& spec);

}  // namespace rerank::client
