#include "api/openapi_schemas.h"

#include <array>

namespace rerank::api {
namespace {

constexpr std::array kSchemas = {
    NamedSchema{"Text", R"({"description":"A text, as a string or in an object.",
      "anyOf":[{"type":"string"},{"type":"object"}]})"},
    NamedSchema{"Texts", R"({"description":"A list of texts, or one text.","anyOf":[
      {"$ref":"#/components/schemas/Text"},{"type":"array","items":{"$ref":"#/components/schemas/Text"}}]})"},
    NamedSchema{"Usage", R"({"type":"object","description":"Tokens of all pairs, prefixes counted for each.",
      "required":["prompt_tokens","total_tokens"],"properties":{
        "prompt_tokens":{"type":"integer"},"total_tokens":{"type":"integer"},
        "completion_tokens":{"type":"integer"},"prompt_tokens_details":{"type":"null"}}})"},
    NamedSchema{"RerankResult", R"({"type":"object","required":["index","relevance_score"],"properties":{
      "index":{"type":"integer","description":"The document's position in the request, from 0."},
      "relevance_score":{"type":"number","description":"As the model's publisher defines it, see score_function of /info: from 0 to 1 for most; where that is the logit, its sigmoid under /infinity and /v2. The logit if raw scores are requested."},
      "document":{"anyOf":[{"type":"object","required":["text"],"properties":{"text":{"type":"string"}}},{"type":"string"}],
        "description":"The text; a string under /infinity and in Voyage's data."},
      "truncated":{"type":"boolean","description":"true if the document was truncated."}}})"},
    NamedSchema{"TokenizeReply",
                R"({"type":"object","required":["count","max_model_len","tokens","token_strs"],"properties":{
      "count":{"type":"integer"},"max_model_len":{"type":"integer"},
      "tokens":{"type":"array","items":{"type":"integer"}},
      "token_strs":{"anyOf":[{"type":"array","items":{"type":"string"}},{"type":"null"}]}}})"},
    NamedSchema{"TeiTokenizeReply",
                R"({"type":"array","description":"If inputs was sent: a list for each text.",
      "items":{"type":"array","items":{"type":"object","required":["id","text","special","start","stop"],"properties":{
        "id":{"type":"integer"},"text":{"type":"string"},"special":{"type":"boolean"},
        "start":{"type":"integer"},"stop":{"type":"integer"}}}}})"},
    NamedSchema{"DetokenizeReply",
                R"({"type":"object","required":["prompt"],"properties":{"prompt":{"type":"string"}}})"},
    NamedSchema{
        "Model",
        R"({"type":"object","required":["id","object","created","owned_by","root","max_model_len","model_type"],
      "properties":{"id":{"type":"string"},"object":{"type":"string"},"created":{"type":"integer"},
        "owned_by":{"type":"string"},"root":{"type":"string"},"max_model_len":{"type":"integer"},
        "model_type":{"type":"string"},"parent":{"type":"null"},"backend":{"type":"string"},
        "capabilities":{"type":"array","items":{"type":"string"}},"stats":{"type":"object"}}})"},
    NamedSchema{"Models",
                R"({"type":"object","required":["object","data"],"properties":{"object":{"type":"string"},
      "data":{"type":"array","items":{"$ref":"#/components/schemas/Model"}}}})"},
    NamedSchema{"Version",
                R"({"type":"object","required":["version"],"properties":{"version":{"type":"string"}}})"},
    NamedSchema{
        "Info",
        R"({"type":"object","required":["model_id","model_sha","model_dtype","model_type","max_concurrent_requests",
      "max_input_length","max_batch_tokens","max_batch_requests","max_client_batch_size","auto_truncate",
      "prompt","score_function","score_source",
      "tokenization_workers","version","sha","docker_label"],"properties":{
        "model_id":{"type":"string"},"model_sha":{"anyOf":[{"type":"string"},{"type":"null"}]},
        "model_dtype":{"type":"string"},"model_type":{"type":"object","required":["reranker"]},
        "max_concurrent_requests":{"type":"integer"},"max_input_length":{"type":"integer"},
        "max_batch_tokens":{"type":"integer"},"max_batch_requests":{"type":"integer"},
        "max_client_batch_size":{"type":"integer"},"auto_truncate":{"type":"boolean"},
        "prompt":{"type":"string"},"score_function":{"type":"string"},"score_source":{"type":"string"},
        "tokenization_workers":{"type":"integer"},"version":{"type":"string"},
        "sha":{"anyOf":[{"type":"string"},{"type":"null"}]},
        "docker_label":{"anyOf":[{"type":"string"},{"type":"null"}]}}})"},
    NamedSchema{"ClusterAuth",
                R"({"type":"object","required":["auth"],"properties":{"auth":{"type":"boolean"}}})"},
    NamedSchema{"Meta", R"({"type":"object"})"},
    NamedSchema{"Health", R"({"type":"object","required":["status","message"],"properties":{
      "object":{"type":"string"},"status":{"enum":["ok","unavailable"]},"message":{"type":"string"}}})"},
    NamedSchema{"Error", R"({"type":"object","required":["error"],
      "description":"error is a string, with error_type, if texts or property was sent (TEI, Weaviate).",
      "properties":{"error":{"anyOf":[{"type":"string"},{"type":"object","required":["message","type","param","code"],
        "properties":{"message":{"type":"string"},"type":{"type":"string"},
          "param":{"anyOf":[{"type":"string"},{"type":"null"}]},"code":{"type":"integer"}}}]},
        "message":{"type":"string"},"detail":{"type":"string"},"error_type":{"type":"string"}}})"},
};

}  // namespace

std::span<const NamedSchema> reply_schemas() {
  return kSchemas;
}

}  // namespace rerank::api
