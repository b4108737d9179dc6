#include "api/openapi.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/dialects/dialects.h"
#include "api/openapi_schemas.h"
#include "api/request_fields.h"
#include "api/routes.h"
#include "rerank/error.h"
#include "rerank/version.h"
#include "text/json_writer.h"

namespace rerank::api {
namespace {

// The schema of a request, generated from the fields of its use.
struct RequestShape {
  std::string_view name;
  FieldUse use;
  std::string required;  // JSON Schema keywords: required fields, or alternatives
};

// "query", and one of the fields that the dialects have for documents.
std::string required_to_rerank() {
  std::vector<std::string> options;
  for (const Dialect* dialect : dialects()) {
    std::string option = fmt::format(R"({{"required":["{}"]}})", field_spec(dialect->documents).name);
    if (std::find(options.begin(), options.end(), option) == options.end()) {
      options.push_back(std::move(option));
    }
  }
  return fmt::format(R"("required":["query"],"anyOf":[{}])", fmt::join(options, ","));
}

std::array<RequestShape, 4> request_shapes() {
  return {RequestShape{"RerankRequest", kInRerank, required_to_rerank()},
          RequestShape{"ScoreRequest", kInScore,
                       R"("anyOf":[{"required":["queries","documents"]},{"required":["queries","items"]},)"
                       R"({"required":["data_1","data_2"]},{"required":["text_1","text_2"]}])"},
          RequestShape{"TokenizeRequest", kInTokenize,
                       R"("anyOf":[{"required":["prompt"]},{"required":["inputs"]}])"},
          RequestShape{"DetokenizeRequest", kInDetokenize, R"("required":["tokens"])"}};
}

struct Operation {
  Handler handler;
  std::string_view tag;
  std::vector<std::string_view> requests;  // names of schemas; empty: no body
  std::vector<std::string_view> replies;
  std::string_view media_type = "application/json";
};

// The schemas of dialects() and kScore, each once.
std::vector<NamedSchema> dialect_schemas() {
  std::vector<NamedSchema> schemas;
  const auto add = [&schemas](const NamedSchema& added) {
    const bool is_known = std::any_of(schemas.begin(), schemas.end(),
                                      [&](const NamedSchema& schema) { return schema.name == added.name; });
    if (!is_known) schemas.push_back(added);
  };
  for (const Dialect* dialect : dialects()) add(dialect->reply);
  add(kScore.reply);
  return schemas;
}

const std::vector<Operation>& operations() {
  static const std::vector<std::string_view> invocation_replies = [] {
    std::vector<std::string_view> names;
    for (const NamedSchema& schema : dialect_schemas()) names.push_back(schema.name);
    return names;
  }();
  static const std::vector<std::string_view> rerank_replies(invocation_replies.begin(),
                                                            invocation_replies.end() - 1);
  static const std::vector<Operation> operations = {
      {Handler::kRerank, "Scoring", {"RerankRequest"}, rerank_replies},
      {Handler::kScore, "Scoring", {"ScoreRequest"}, {kScore.reply.name}},
      {Handler::kInvocations, "Scoring", {"RerankRequest", "ScoreRequest"}, invocation_replies},
      {Handler::kTokenize, "Tokens", {"TokenizeRequest"}, {"TokenizeReply", "TeiTokenizeReply"}},
      {Handler::kDetokenize, "Tokens", {"DetokenizeRequest"}, {"DetokenizeReply"}},
      {Handler::kModels, "Model", {}, {"Models"}},
      {Handler::kModel, "Model", {}, {"Model"}},
      {Handler::kVersion, "Model", {}, {"Version"}},
      {Handler::kInfo, "Model", {}, {"Info"}},
      {Handler::kClusterAuth, "Model", {}, {"ClusterAuth"}},
      {Handler::kMeta, "Model", {}, {"Meta"}},
      {Handler::kHealth, "Health", {}, {"Health"}},
      {Handler::kLive, "Health", {}, {"Health"}},
      {Handler::kReady, "Health", {}, {"Health"}},
      {Handler::kMetrics, "Health", {}, {}, "text/plain"},
      {Handler::kOpenapi, "Pages", {}, {}},
      {Handler::kDocs, "Pages", {}, {}, "text/html"},
      {Handler::kPlayground, "Pages", {}, {}, "text/html"},
  };
  return operations;
}

const Operation& operation_of(Handler handler) {
  for (const Operation& operation : operations()) {
    if (operation.handler == handler) return operation;
  }
  throw Error(ErrorCode::kInternal, "a route whose handler is not in the OpenAPI document");
}

void write_reference(JsonWriter& json, std::string_view name) {
  json.begin_object().key("$ref").string("#/components/schemas/" + std::string(name)).end_object();
}

void write_content(JsonWriter& json, std::string_view media_type,
                   const std::vector<std::string_view>& shapes) {
  json.key("content").begin_object().key(media_type).begin_object().key("schema");
  if (shapes.empty()) {
    json.begin_object()
        .key("type")
        .string(media_type == "application/json" ? "object" : "string")
        .end_object();
  } else if (shapes.size() == 1) {
    write_reference(json, shapes.front());
  } else {
    json.begin_object().key("anyOf").begin_array();
    for (const std::string_view shape : shapes) write_reference(json, shape);
    json.end_array().end_object();
  }
  json.end_object().end_object();
}

void write_response(JsonWriter& json, std::string_view status, std::string_view description,
                    std::string_view media_type, const std::vector<std::string_view>& shapes) {
  json.key(status).begin_object().key("description").string(description);
  write_content(json, media_type, shapes);
  json.end_object();
}

void write_responses(JsonWriter& json, const Route& route, const Operation& operation) {
  json.key("responses").begin_object();
  write_response(json, "200", "The answer", operation.media_type, operation.replies);
  const auto error = [&json](std::string_view status, std::string_view description) {
    write_response(json, status, description, "application/json", {"Error"});
  };
  if (route.method == Method::kPost) {
    error("400", "A field is missing or invalid; the message names it");
    error("401", "The API key is missing or wrong");
    error("413", "The body is too large");
    error("429", "Too much work is queued; Retry-After says when to retry");
    error("503", "The server is starting or shutting down, or its device failed");
    error("504", "The deadline passed; a retry would only add load");
  }
  if (route.method == Method::kPost || route.pattern.find("{model}") != std::string_view::npos) {
    error("404", "The model does not exist");
  }
  if (operation.tag == "Health" && !operation.replies.empty()) {
    write_response(json, "503", "No; the message says why", "application/json", {"Health"});
  }
  json.end_object();
}

void write_operation(JsonWriter& json, const Route& route) {
  const Operation& operation = operation_of(route.handler);
  json.key(route.method == Method::kPost ? "post" : "get").begin_object();
  json.key("tags").begin_array().string(operation.tag).end_array();
  json.key("summary").string(route.summary);
  if (route.pattern.find("{model}") != std::string_view::npos) {
    json.key("parameters")
        .raw(R"([{"name":"model","in":"path","required":true,)"
             R"("description":"A served name; it may contain slashes.","schema":{"type":"string"}}])");
  }
  if (!operation.requests.empty()) {
    json.key("requestBody").begin_object().key("required").boolean(true);
    write_content(json, "application/json", operation.requests);
    json.end_object();
  }
  write_responses(json, route, operation);
  if (route.needs_key()) json.key("security").raw(R"([{"key":[]},{}])");
  json.end_object();
}

// With the clients of the dialect that the field selects.
std::string meaning_of(const FieldSpec& spec) {
  std::string meaning(spec.meaning);
  for (const Dialect* dialect : dialects()) {
    const auto& selectors = dialect->selectors;
    if (std::find(selectors.begin(), selectors.end(), spec.field) == selectors.end()) continue;
    meaning += fmt::format(" Selects the reply format of {}.", dialect->clients);
  }
  return meaning;
}

void write_request_schema(JsonWriter& json, const RequestShape& shape) {
  std::string text =
      R"({"type":"object","description":"null is the same as absent; unknown fields are ignored.",)";
  text += shape.required;
  text += R"(,"properties":)";
  JsonWriter properties;
  properties.begin_object();
  for (const FieldSpec& spec : field_specs()) {
    if ((spec.uses & shape.use) == 0) continue;
    properties.key(spec.name).begin_object();
    properties.key("description").string(meaning_of(spec));
    properties.key("anyOf").begin_array().raw(spec.schema).raw(R"({"type":"null"})").end_array();
    properties.end_object();
  }
  properties.end_object();
  json.key(shape.name).raw(text + properties.take() + "}");
}

std::vector<std::string_view> all_clients() {
  std::vector<std::string_view> clients;
  for (const Dialect* dialect : dialects()) clients.push_back(dialect->clients);
  return clients;
}

std::string make_document() {
  JsonWriter json;
  json.begin_object();
  json.key("openapi").string("3.1.0");
  json.key("info").begin_object();
  json.key("title").string("rerank.cpp");
  json.key("description")
      .string(fmt::format(
          "Scores how relevant documents are to a query. The server answers the clients of {}: the "
          "fields of a request choose the format of its reply.",
          fmt::join(all_clients(), ", ")));
  json.key("version").string(version());
  json.end_object();
  json.key("paths").begin_object();
  for (const Route& route : routes()) {
    json.key(route.pattern).begin_object();
    write_operation(json, route);
    json.end_object();
  }
  json.end_object();
  json.key("components").begin_object().key("schemas").begin_object();
  for (const RequestShape& shape : request_shapes()) write_request_schema(json, shape);
  for (const NamedSchema& schema : reply_schemas()) json.key(schema.name).raw(schema.schema);
  for (const NamedSchema& schema : dialect_schemas()) json.key(schema.name).raw(schema.schema);
  json.end_object();
  json.key("securitySchemes").raw(R"({"key":{"type":"http","scheme":"bearer"}})");
  json.end_object().end_object();
  return json.take();
}

}  // namespace

const std::string& openapi_document() {
  static const std::string document = make_document();
  return document;
}

}  // namespace rerank::api
