#include "client/request_body.h"

#include <fmt/format.h>

#include "rerank/error.h"
#include "text/json_writer.h"

namespace rerank::client {
namespace {

// `json` is the value; a dot in `name` separates the levels of an object.
void add(JsonWriter& body, std::string_view name, std::string_view json) {
  const std::size_t dot = name.find('.');
  if (dot == name.npos) {
    body.key(name).raw(json);
  } else {
    body.key(name.substr(0, dot)).begin_object().key(name.substr(dot + 1)).raw(json).end_object();
  }
}

void add_texts(JsonWriter& body, std::string_view name, const std::vector<std::string_view>& texts) {
  body.key(name).begin_array();
  for (const std::string_view text : texts) body.string(text);
  body.end_array();
}

std::size_t expected_bytes(const RequestTexts& texts) {
  std::size_t bytes = 512;
  for (const std::string_view query : texts.queries) bytes += query.size() + 8;
  for (const std::string_view document : texts.documents) bytes += document.size() + 8;
  return bytes;
}

void add_options(JsonWriter& body, const DialectSpec& spec, const CallOptions& options,
                 std::string_view model) {
  if (!model.empty()) body.key("model").string(model);
  if (!options.instruction.empty()) add(body, spec.instruction, json_string(options.instruction));
  if (options.max_tokens_per_query > 0) {
    add(body, spec.max_tokens_per_query, fmt::to_string(options.max_tokens_per_query));
  }
  if (options.max_tokens_per_document > 0) {
    add(body, spec.max_tokens_per_document, fmt::to_string(options.max_tokens_per_document));
  }
  if (options.raw_scores) add(body, spec.raw_scores, spec.raw_scores_value);
  if (options.truncate.has_value()) {
    const std::string_view value = *options.truncate ? spec.truncate_value : spec.refuse_value;
    if (!value.empty()) add(body, spec.truncate, value);
  }
  if (options.priority != 0) add(body, spec.priority, fmt::to_string(options.priority));
}

}  // namespace

void require_supported(const DialectSpec& spec, const CallOptions& options) {
  const auto require_field = [&spec](bool is_used, std::string_view field, std::string_view option) {
    if (!is_used || !field.empty()) return;
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: {} has no such field; remove the option", option, spec.label));
  };
  require(options.max_tokens_per_query >= 0, "max_tokens_per_query must be 0 or more");
  require(options.max_tokens_per_document >= 0, "max_tokens_per_document must be 0 or more");
  require_field(!options.instruction.empty(), spec.instruction, "instruction");
  require_field(options.max_tokens_per_query > 0, spec.max_tokens_per_query, "max_tokens_per_query");
  require_field(options.max_tokens_per_document > 0, spec.max_tokens_per_document, "max_tokens_per_document");
  require_field(options.raw_scores, spec.raw_scores, "raw_scores");
  require_field(options.truncate.has_value(), spec.truncate, "truncate");
  require_field(options.priority != 0, spec.priority, "priority");
}

std::string rerank_body(const DialectSpec& spec, const RequestTexts& texts, const CallOptions& options,
                        std::string_view model) {
  check(texts.queries.size() == 1, "a rerank request has one query");
  JsonWriter body(expected_bytes(texts));
  body.begin_object().key("query").string(texts.queries.front());
  add_texts(body, spec.documents, texts.documents);
  add_options(body, spec, options, model);
  if (!spec.no_echo.empty()) body.raw(spec.no_echo);
  return body.end_object().take();
}

std::string score_body(const DialectSpec& spec, const RequestTexts& texts, const CallOptions& options,
                       std::string_view model) {
  check(!spec.score_path.empty(), "this server has no score route");
  JsonWriter body(expected_bytes(texts));
  body.begin_object();
  // The oldest of the names for this field, which all such servers accept.
  add_texts(body, "text_1", texts.queries);
  add_texts(body, "text_2", texts.documents);
  add_options(body, spec, options, model);
  return body.end_object().take();
}

}  // namespace rerank::client
