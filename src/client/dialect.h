// The servers that the client knows, and what each calls its routes and fields. Nothing here speaks to one.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "client/base_url.h"

namespace rerank::client {

enum class Dialect { kRerank, kVllm, kTei, kLlamaCpp, kInfinity, kCohere, kJina };

// Empty names: the server has no such route or field.
struct DialectSpec {
  Dialect dialect;
  std::string_view name;   // in ClientOptions::dialect
  std::string_view label;  // for people
  std::string_view rerank_path;
  std::string_view score_path;
  std::string_view documents;    // of a rerank request
  std::string_view instruction;  // a dot leads into an object
  std::string_view max_tokens_per_query;
  std::string_view max_tokens_per_document;
  std::string_view priority;
  // Fields and the JSON they hold when the thing is wanted.
  std::string_view raw_scores;
  std::string_view raw_scores_value;
  std::string_view truncate;
  std::string_view truncate_value;
  std::string_view refuse_value;  // for truncate; empty: what the server does without the field
  std::string_view no_echo;       // a member that keeps documents out of the reply
  bool needs_model = false;
  bool takes_deadline = false;  // the header X-Request-Timeout
  std::size_t max_documents = 1000;
  std::size_t max_request_bytes = std::size_t{16} << 20;
};

const DialectSpec& spec_of(Dialect dialect);

// The spec of this name. Throws Error listing the names.
const DialectSpec& spec_named(std::string_view name);

// The dialect of a service known by its host, such as api.cohere.com; null: not known.
const DialectSpec* spec_of_host(std::string_view host);

struct Routes {
  std::string rerank;
  std::string score;  // empty: none
};

// Where requests go: the route that the URL names, or the dialect's below it.
Routes routes_of(const BaseUrl& url, const DialectSpec& spec);

}  // namespace rerank::client
