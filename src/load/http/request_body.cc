#include "load/http/request_body.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <initializer_list>
#include <utility>

#include "rerank/error.h"
#include "text/strict_json.h"

namespace rerank::load {
namespace {

namespace json = boost::json;

std::string path_of(const RequestForm& form, Dialect dialect) {
  if (!form.endpoint.empty()) return form.endpoint;
  if (dialect == Dialect::kScore) return "/v1/score";
  return dialect == Dialect::kTei ? "/rerank" : "/v1/rerank";
}

json::object parsed_object(std::string_view text, const char* what) {
  return parse_json_object(text, what, {.advice = "correct it", .unique_keys = false});
}

// Returns whether it changed the body.
bool add_common_fields(json::object& body, const RequestForm& form) {
  if (!form.model.empty()) body["model"] = form.model;
  if (form.extra_body.empty()) return !form.model.empty();
  for (const auto& field : parsed_object(form.extra_body, "the extra body"))
    body[field.key()] = field.value();
  return true;
}

const json::value* first_of(const json::object& body, std::initializer_list<const char*> names) {
  for (const char* name : names) {
    const json::value* value = body.if_contains(name);
    if (value != nullptr && !value->is_null()) return value;
  }
  return nullptr;
}

std::int64_t number_of_texts(const json::value& value) {
  return value.is_array() ? static_cast<std::int64_t>(value.get_array().size()) : 1;
}

// A text: a string, or an object that contains one.
std::string text_of(const json::value& value, const char* field) {
  const json::value* text = &value;
  if (value.is_object()) text = value.get_object().if_contains("text");
  require(text != nullptr && text->is_string(),
          fmt::format("with the engine in process `{}` must be a string or {{\"text\": ...}}", field));
  return {text->get_string().data(), text->get_string().size()};
}

std::vector<std::string> texts_of(const json::value& value, const char* field) {
  std::vector<std::string> texts;
  if (!value.is_array()) return {text_of(value, field)};
  for (const json::value& item : value.get_array()) texts.push_back(text_of(item, field));
  return texts;
}

// The number of results in the response to `num_documents`.
std::int64_t num_results(const json::object& body, std::int64_t num_documents) {
  const json::value* top = first_of(body, {"top_n", "top_k"});
  if (top == nullptr || !top->is_int64() || top->get_int64() <= 0) return num_documents;
  return std::min(num_documents, top->get_int64());
}

void fill_request(Job& job, const json::object& body, const json::value& queries,
                  const json::value& documents) {
  std::vector<std::string> query = texts_of(queries, "query");
  require(query.size() == 1, "with the engine in process a request must have one query");
  job.request.query = std::move(query.front());
  job.request.documents = texts_of(documents, "documents");
  if (const json::value* instruction = first_of(body, {"instruction", "instruct"})) {
    job.request.instruction = text_of(*instruction, "instruction");
  }
  if (const json::value* limit = first_of(body, {"max_tokens_per_doc"});
      limit != nullptr && limit->is_int64()) {
    job.request.max_tokens_per_document = static_cast<std::int32_t>(limit->get_int64());
  }
}

}  // namespace

Job make_job(std::string query, std::vector<std::string> documents, const RequestForm& form) {
  Job job;
  job.num_documents = job.num_results = static_cast<std::int64_t>(documents.size());
  if (form.for_engine) {
    job.request.query = std::move(query);
    job.request.documents = std::move(documents);
    return job;
  }
  const json::array texts(documents.begin(), documents.end());
  json::object body;
  switch (form.dialect) {
    case Dialect::kRerank:
      body = {{"query", query}, {"documents", texts}};
      break;
    case Dialect::kTei:
      body = {{"query", query}, {"texts", texts}, {"truncate", true}};
      break;
    case Dialect::kScore:
      body = {{"text_1", query}, {"text_2", texts}};
      break;
  }
  add_common_fields(body, form);
  job.num_results = num_results(body, job.num_documents);
  job.path = path_of(form, form.dialect);
  job.body = json::serialize(body);
  return job;
}

Job job_from_body(std::string_view text, const RequestForm& form) {
  json::object body = parsed_object(text, "the request");
  const bool is_changed = add_common_fields(body, form);
  const json::value* queries = body.if_contains("query");
  const json::value* documents = nullptr;
  Dialect dialect = Dialect::kRerank;
  if (queries != nullptr) {
    documents = first_of(body, {"documents", "texts", "input", "passages"});
    if (body.if_contains("documents") == nullptr && body.if_contains("texts") != nullptr)
      dialect = Dialect::kTei;
  } else {
    dialect = Dialect::kScore;
    queries = first_of(body, {"queries", "data_1", "text_1"});
    documents = first_of(body, {"documents", "items", "data_2", "text_2"});
  }
  require(queries != nullptr && documents != nullptr,
          "the request contains neither `query` and `documents` nor `text_1` and `text_2`");
  Job job;
  job.num_documents = std::max(number_of_texts(*documents), number_of_texts(*queries));
  job.num_results = dialect == Dialect::kScore ? job.num_documents : num_results(body, job.num_documents);
  if (form.for_engine) {
    fill_request(job, body, *queries, *documents);
    return job;
  }
  job.path = path_of(form, dialect);
  job.body = is_changed ? json::serialize(body) : std::string(text);
  return job;
}

}  // namespace rerank::load
