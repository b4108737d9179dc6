#include "client/request_body.h"

#include <fmt/format.h>

#include "client/json_node.h"
#include "rerank/error.h"

namespace rerank::client {
namespace {

class BodyWriter {
 public:
  explicit BodyWriter(std::size_t expected_bytes) { text_.reserve(expected_bytes); }

  // `json` as it is; a dot in `name` leads into an object of its own.
  void add(std::string_view name, std::string_view json) {
    const std::size_t dot = name.find('.');
    if (dot != name.npos) {
      add(name.substr(0, dot), fmt::format(R"({{"{}":{}}})", name.substr(dot + 1), json));
      return;
    }
    separate();
    fmt::format_to(std::back_inserter(text_), R"("{}":{})", name, json);
  }
  void add_texts(std::string_view name, const std::vector<std::string_view>& texts) {
    separate();
    fmt::format_to(std::back_inserter(text_), R"("{}":[)", name);
    for (std::size_t i = 0; i < texts.size(); ++i) {
      if (i > 0) text_ += ',';
      text_ += json_string(texts[i]);
    }
    text_ += ']';
  }
  void add_member(std::string_view member) {
    separate();
    text_ += member;
  }
  std::string take() { return std::move(text_ += '}'); }

 private:
  void separate() { text_ += text_.empty() ? '{' : ','; }
  std::string text_;
};

std::size_t expected_bytes(const RequestTexts& texts) {
  std::size_t bytes = 512;
  for (const std::string_view query : texts.queries) bytes += query.size() + 8;
  for (const std::string_view document : texts.documents) bytes += document.size() + 8;
  return bytes;
}

void add_options(BodyWriter& body, const DialectSpec& spec, const CallOptions& options,
                 std::string_view model) {
  if (!model.empty()) body.add("model", json_string(model));
  if (!options.instruction.empty()) body.add(spec.instruction, json_string(options.instruction));
  if (options.max_tokens_per_query > 0) {
    body.add(spec.max_tokens_per_query, fmt::to_string(options.max_tokens_per_query));
  }
  if (options.max_tokens_per_document > 0) {
    body.add(spec.max_tokens_per_document, fmt::to_string(options.max_tokens_per_document));
  }
  if (options.raw_scores) body.add(spec.raw_scores, spec.raw_scores_value);
  if (options.truncate.has_value()) {
    const std::string_view value = *options.truncate ? spec.truncate_value : spec.refuse_value;
    if (!value.empty()) body.add(spec.truncate, value);
  }
  if (options.priority != 0) body.add(spec.priority, fmt::to_string(options.priority));
}

}  // namespace

void require_supported(const DialectSpec& spec, const CallOptions& options) {
  const auto require_field = [&spec](bool is_used, std::string_view field, std::string_view option) {
    if (!is_used || !field.empty()) return;
    throw Error(ErrorCode::kUnsupported,
                fmt::format("{}: {} has no such field; leave the option out", option, spec.label));
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
  BodyWriter body(expected_bytes(texts));
  body.add("query", json_string(texts.queries.front()));
  body.add_texts(spec.documents, texts.documents);
  add_options(body, spec, options, model);
  if (!spec.no_echo.empty()) body.add_member(spec.no_echo);
  return body.take();
}

std::string score_body(const DialectSpec& spec, const RequestTexts& texts, const CallOptions& options,
                       std::string_view model) {
  check(!spec.score_path.empty(), "this server has no score route");
  BodyWriter body(expected_bytes(texts));
  // The oldest of the names that such servers read, so that all of them do.
  body.add_texts("text_1", texts.queries);
  body.add_texts("text_2", texts.documents);
  add_options(body, spec, options, model);
  return body.take();
}

std::size_t json_bytes(std::string_view text) {
  std::size_t bytes = text.size() + 3;
  for (const unsigned char c : text) {
    if (c == '"' || c == '\\' || c == '\n' || c == '\t' || c == '\r' || c == '\b' || c == '\f') {
      ++bytes;
    } else if (c < 0x20) {
      bytes += 5;
    }
  }
  return bytes;
}

}  // namespace rerank::client
