#include "api/service_card.h"

#include <algorithm>

#include "api/api_error.h"
#include "api/dialects/dialects.h"
#include "rerank/version.h"
#include "text/json_writer.h"

namespace rerank::api {
namespace {

// Everything that the clients of vLLM, Infinity and Xinference look for.
void write_card(JsonWriter& json, const ServiceCard& card, std::string_view name, const Dialect& dialect) {
  json.begin_object();
  json.key("id").string(name);
  json.key("object").string("model");
  json.key("created").number(card.created);
  json.key("owned_by").string(dialect.model_owner);
  json.key("root").string(card.model);
  json.key("parent").null();
  json.key("max_model_len").number(card.max_model_len);
  json.key("model_type").string("rerank");
  json.key("backend").string("rerank.cpp");
  json.key("capabilities").begin_array().string("rerank").end_array();
  json.key("stats").begin_object().end_object();
  json.end_object();
}

}  // namespace

std::string write_models(const ServiceCard& card, const Dialect& dialect) {
  JsonWriter json;
  json.begin_object();
  json.key("object").string("list");
  json.key("data").begin_array();
  for (const std::string& name : card.served_names) write_card(json, card, name, dialect);
  json.end_array().end_object();
  return json.take();
}

std::string write_model(const ServiceCard& card, std::string_view id) {
  const auto& names = card.served_names;
  if (std::find(names.begin(), names.end(), id) == names.end()) throw unknown_model(id);
  JsonWriter json;
  write_card(json, card, id, kStandard);
  return json.take();
}

std::string write_info(const ServiceCard& card) {
  JsonWriter json;
  json.begin_object();
  json.key("model_id").string(card.served_names.front());
  json.key("model_sha").null();
  json.key("model_dtype").string(card.dtype);
  json.key("model_type").begin_object().key("reranker").begin_object();
  json.key("id2label").begin_object().key("0").string("relevant").end_object();
  json.key("label2id").begin_object().key("relevant").number(0).end_object();
  json.end_object().end_object();
  json.key("max_concurrent_requests").number(card.max_concurrent_requests);
  json.key("max_input_length").number(card.max_model_len);
  json.key("max_batch_tokens").number(card.max_num_batched_tokens);
  json.key("max_batch_requests").number(card.max_num_seqs);
  json.key("max_client_batch_size").number(card.max_documents);
  json.key("auto_truncate").boolean(card.auto_truncate);
  json.key("prompt").string(card.prompt);
  json.key("score_function").string(card.score_function);
  json.key("score_source").string(card.score_source);
  json.key("tokenization_workers").number(card.num_tokenizer_threads);
  json.key("version").string(version());
  json.key("sha").null();
  json.key("docker_label").null();
  json.end_object();
  return json.take();
}

std::string write_version() {
  JsonWriter json;
  json.begin_object().key("version").string(version()).end_object();
  return json.take();
}

std::string write_cluster_auth(const ServiceCard& card) {
  JsonWriter json;
  json.begin_object().key("auth").boolean(card.needs_key).end_object();
  return json.take();
}

std::string write_meta() {
  return "{}";
}

std::string write_health(bool is_good, std::string_view message) {
  JsonWriter json;
  json.begin_object();
  json.key("object").string("health.response");
  json.key("status").string(is_good ? "ok" : "unavailable");
  json.key("message").string(message);
  json.end_object();
  return json.take();
}

}  // namespace rerank::api
