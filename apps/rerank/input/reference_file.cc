#include "apps/rerank/input/reference_file.h"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include "base/files/whole_file.h"
#include "model/reranker.h"
#include "rerank/error.h"
#include "text/json_view.h"

namespace rerank::cli {
namespace {

ReferenceCase parse_case(const JsonView& value) {
  const JsonView logits = value.at("float32");
  ReferenceCase result;
  result.query = value.at("query").string();
  result.instruction = value.string_or("instruction", "");
  result.document = value.at("document").string();
  result.token_count = static_cast<std::int32_t>(value.at("token_count").number());
  result.logit_difference = logits.at("logit_yes").number() - logits.at("logit_no").number();
  return result;
}

}  // namespace

Reference read_reference(const std::string& path) {
  const JsonFile root(read_whole_file(path), path, {.advice = "correct it there"});
  Reference reference;
  reference.path = path;
  if (const auto config = root.find("config")) {
    reference.spec = spec_of_config(boost::json::serialize(config->object()), path + ": config");
  }
  if (const auto error = root.find("bfloat16_logit_difference_error")) {
    reference.bfloat16_rms = error->at("rms").number();
  }
  const JsonView cases = root.at("cases");
  if (cases.array().empty()) cases.refuse("should not be empty");
  for (std::size_t i = 0; i < cases.array().size(); ++i)
    reference.cases.push_back(parse_case(cases.element(i)));
  return reference;
}

void require_same_model(const Reference& reference, const TransformerSpec& model) {
  if (!reference.spec) return;
  const TransformerSpec& wanted = *reference.spec;
  const auto same = [&reference](const char* key, auto of_reference, auto of_model) {
    if (of_reference == of_model) return;
    throw Error(ErrorCode::kInvalidArgument,
                fmt::format("{}: the reference was made with another model: its {} is {}, this model's is {}",
                            reference.path, key, of_reference, of_model));
  };
  same("hidden_size", wanted.hidden, model.hidden);
  same("intermediate_size", wanted.ffn, model.ffn);
  same("num_hidden_layers", wanted.num_layers, model.num_layers);
  same("num_attention_heads", wanted.num_heads, model.num_heads);
  same("num_key_value_heads", wanted.num_kv_heads, model.num_kv_heads);
  same("head_dim", wanted.head_dim, model.head_dim);
  same("vocab_size", wanted.vocab, model.vocab);
  if (wanted.rotations != model.rotations) {
    throw Error(ErrorCode::kInvalidArgument,
                reference.path + ": the reference was made with another model: its rope_theta is another");
  }
  same("rms_norm_eps", wanted.norm_eps, model.norm_eps);
}

}  // namespace rerank::cli
