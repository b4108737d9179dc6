#include "tests/support/stand_in.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "client/json_node.h"

namespace rerank::client {
namespace {

std::string models(const std::string& owner, const std::string& more = "") {
  return fmt::format(
      R"({{"object":"list","data":[{{"id":"served/model","object":"model","owned_by":"{}"{}}}]}})", owner,
      more);
}

// Backwards, so that order has to come from the index; `name` is what the score is called.
std::string items(const std::vector<std::string>& documents, const std::string& name) {
  std::string list;
  for (std::size_t i = documents.size(); i-- > 0;) {
    list += fmt::format(R"({}{{"index":{},"{}":{}}})", list.empty() ? "" : ",", i, name, documents[i]);
  }
  return "[" + list + "]";
}

std::string rerank_reply(const std::string& dialect, const std::vector<std::string>& documents) {
  if (dialect == "tei") return items(documents, "score");
  const std::string results = items(documents, "relevance_score");
  if (dialect == "cohere") {
    return fmt::format(R"({{"id":"c","results":{},"meta":{{"billed_units":{{"search_units":1}}}}}})",
                       results);
  }
  return fmt::format(
      R"({{"id":"r","model":"answering","usage":{{"prompt_tokens":{},"total_tokens":0}},"results":{}}})",
      documents.size(), results);
}

std::string card(const std::string& dialect, const std::string& path) {
  if (path == "/v1/models") {
    if (dialect == "rerank") return models("rerank.cpp");
    if (dialect == "vllm") return models("vllm");
    if (dialect == "llama.cpp") return models("llamacpp");
    if (dialect == "jina") return models("somebody");
  }
  if (path == "/models" && dialect == "infinity") {
    return R"({"data":[{"id":"embedder","owned_by":"infinity","capabilities":["embed"]},)"
           R"({"id":"served/model","owned_by":"infinity","capabilities":["rerank"]}]})";
  }
  if (path == "/info" && (dialect == "rerank" || dialect == "tei")) {
    return R"({"model_id":"served/model","model_type":{"reranker":{}},"max_client_batch_size":4})";
  }
  return path == "/health" ? "{}" : "";
}

std::string rerank_path(const std::string& dialect) {
  if (dialect == "cohere") return "/v2/rerank";
  return dialect == "tei" || dialect == "infinity" || dialect == "plain" ? "/rerank" : "/v1/rerank";
}

}  // namespace

std::vector<std::string> documents_of(const ScriptedRequest& request) {
  const JsonNode body = parse_json(request.body);
  std::vector<std::string> documents;
  for (const char* const name : {"documents", "texts", "text_2"}) {
    const JsonNode* const list = body.find(name);
    if (list == nullptr) continue;
    for (const JsonNode& document : list->elements) documents.push_back(document.text);
  }
  return documents;
}

std::string header_of(const ScriptedRequest& request, const std::string& name) {
  std::string head = request.head;
  std::transform(head.begin(), head.end(), head.begin(), [](unsigned char c) { return std::tolower(c); });
  const std::size_t begin = head.find("\r\n" + name + ": ");
  if (begin == head.npos) return {};
  const std::size_t value = begin + name.size() + 4;
  return request.head.substr(value, head.find("\r\n", value) - value);
}

ScriptedAnswer stand_in_answer(const std::string& dialect, const ScriptedRequest& request) {
  const std::string path = request.path();
  if (request.head.starts_with("GET ")) {
    const std::string text = card(dialect, path);
    return text.empty() ? ScriptedAnswer::reply(404, "not found") : ScriptedAnswer::reply(200, text);
  }
  if (path == rerank_path(dialect)) {
    const std::vector<std::string> documents = documents_of(request);
    if (documents.empty()) return ScriptedAnswer::reply(422, R"({"detail":"documents: missing"})");
    return ScriptedAnswer::reply(200, rerank_reply(dialect, documents));
  }
  if (path == "/v1/score" && (dialect == "rerank" || dialect == "vllm")) {
    const std::vector<std::string> documents = documents_of(request);
    return ScriptedAnswer::reply(200, fmt::format(R"({{"data":{},"usage":{{"prompt_tokens":{}}}}})",
                                                  items(documents, "score"), documents.size()));
  }
  return ScriptedAnswer::reply(404, "not found");
}

ScriptedServer::Script stand_in(const std::string& dialect) {
  return [dialect](const ScriptedRequest& request) { return stand_in_answer(dialect, request); };
}

}  // namespace rerank::client
