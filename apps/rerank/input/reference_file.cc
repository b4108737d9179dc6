#include "apps/rerank/input/reference_file.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <cmath>

#include "apps/rerank/output/json_text.h"
#include "base/whole_file.h"
#include "model/reranker.h"
#include "rerank/error.h"

namespace rerank::cli {
namespace {

namespace json = boost::json;

[[noreturn]] void refuse(const std::string& place, const std::string& what) {
  throw Error(ErrorCode::kInvalidArgument, place + ": " + what);
}

double number_field(const json::object& object, std::string_view name, const std::string& place) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_number()) refuse(place, fmt::format("\"{}\" must be a number", name));
  const auto number = value->to_number<double>();
  if (!std::isfinite(number)) refuse(place, fmt::format("\"{}\" must be finite", name));
  return number;
}

const json::object& object_field(const json::object& object, std::string_view name,
                                 const std::string& place) {
  const json::value* value = object.if_contains(name);
  if (value == nullptr || !value->is_object()) refuse(place, fmt::format("\"{}\" must be an object", name));
  return value->get_object();
}

ReferenceCase parse_case(const json::value& value, const std::string& place) {
  if (!value.is_object()) refuse(place, "must be an object");
  const json::object& object = value.get_object();
  const json::object& logits = object_field(object, "float32", place);
  ReferenceCase result;
  result.query = text_field(object, "query", place);
  result.instruction = optional_text_field(object, "instruction", place);
  result.document = text_field(object, "document", place);
  result.token_count = static_cast<std::int32_t>(number_field(object, "token_count", place));
  result.logit_difference =
      number_field(logits, "logit_yes", place) - number_field(logits, "logit_no", place);
  return result;
}

}  // namespace

Reference read_reference(const std::string& path) {
  const json::object object = parse_object(read_whole_file(path), path);
  Reference reference;
  reference.path = path;
  if (object.contains("config")) {
    reference.spec = spec_of_config(json::serialize(object_field(object, "config", path)), path + ": config");
  }
  if (object.contains("bfloat16_logit_difference_error")) {
    reference.bfloat16_rms =
        number_field(object_field(object, "bfloat16_logit_difference_error", path), "rms", path);
  }
  const json::value* cases = object.if_contains("cases");
  if (cases == nullptr || !cases->is_array() || cases->get_array().empty()) {
    refuse(path, "\"cases\" must be a non-empty list");
  }
  for (const json::value& value : cases->get_array()) {
    reference.cases.push_back(parse_case(value, fmt::format("{}: cases[{}]", path, reference.cases.size())));
  }
  return reference;
}

void require_same_model(const Reference& reference, const TransformerSpec& model) {
  if (!reference.spec) return;
  const TransformerSpec& wanted = *reference.spec;
  const auto same = [&reference](const char* key, auto of_reference, auto of_model) {
    if (of_reference == of_model) return;
    refuse(reference.path,
           fmt::format("the reference was made with another model: its {} is {}, this model's is {}", key,
                       of_reference, of_model));
  };
  same("hidden_size", wanted.hidden, model.hidden);
  same("intermediate_size", wanted.ffn, model.ffn);
  same("num_hidden_layers", wanted.num_layers, model.num_layers);
  same("num_attention_heads", wanted.num_heads, model.num_heads);
  same("num_key_value_heads", wanted.num_kv_heads, model.num_kv_heads);
  same("head_dim", wanted.head_dim, model.head_dim);
  same("vocab_size", wanted.vocab, model.vocab);
  same("rope_theta", wanted.rope_theta, model.rope_theta);
  same("rms_norm_eps", wanted.norm_eps, model.norm_eps);
}

}  // namespace rerank::cli
