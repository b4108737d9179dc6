#include "model/decoder/decoder_config.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>

#include "model/rope_config.h"
#include "text/strict_json.h"

namespace rerank {
namespace {

namespace json = boost::json;

void refuse_sliding_window(const ConfigReader& fields) {
  if (fields.flag("use_sliding_window", false)) {
    fields.unsupported("use_sliding_window",
                       "is true: sliding windows are not supported; use a model without them");
  }
  const json::value* types = fields.find("layer_types");
  if (types == nullptr) return;
  if (!types->is_array()) fields.refuse("layer_types", "must be a list of strings");
  for (const json::value& type : types->get_array()) {
    if (!type.is_string() || type.get_string() != "full_attention") {
      fields.unsupported("layer_types",
                         fmt::format("has {}: only \"full_attention\" is supported; use a model that "
                                     "has nothing else",
                                     shown_text(type)));
    }
  }
}

void refuse_other_options(const ConfigReader& fields) {
  for (const std::string_view key : {"attention_bias", "mlp_bias", "use_bidirectional_attention"}) {
    if (fields.flag(key, false))
      fields.unsupported(key, "is true, which is not supported; use a model without it");
  }
  if (!fields.flag("is_causal", true)) {
    fields.unsupported("is_causal", "is false, which is not supported; use a model with causal attention");
  }
  refuse_quantization(fields);
}

}  // namespace

DecoderConfig read_decoder_config(const ConfigReader& fields, const DecoderDefaults& defaults) {
  refuse_sliding_window(fields);
  refuse_other_options(fields);
  TransformerSpec spec =
      read_sizes(fields, {.epsilon = "rms_norm_eps", .has_kv_heads = true, .head_dim = defaults.head_dim});
  spec.rotations = {rotary_frequencies(spec.head_dim, read_rope_theta(fields))};
  return {.spec = std::move(spec),
          .tied_embeddings = fields.flag("tie_word_embeddings", defaults.tied_embeddings)};
}

}  // namespace rerank
