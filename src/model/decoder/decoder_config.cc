#include "model/decoder/decoder_config.h"

#include <fmt/format.h>

#include "model/rope_config.h"

namespace rerank {
namespace {

void refuse_other_layers(const JsonView& fields) {
  const std::optional<JsonView> types = fields.find("layer_types");
  for (std::size_t i = 0; types && i < types->array().size(); ++i) {
    const JsonView type = types->element(i);
    if (type.string() == "full_attention") continue;
    type.unsupported(fmt::format(
        "is {}: only \"full_attention\" is supported; use a model that has nothing else", type.quoted()));
  }
}

void refuse_other_options(const JsonView& fields) {
  for (const std::string_view key :
       {"use_sliding_window", "attention_bias", "mlp_bias", "use_bidirectional_attention"}) {
    fields.require_off(key, "not supported; use a model without it");
  }
  if (!fields.boolean_or("is_causal", true)) {
    fields.at("is_causal").unsupported("is false: not supported; use a model with causal attention");
  }
  refuse_quantization(fields);
}

}  // namespace

DecoderConfig read_decoder_config(const JsonView& fields, const DecoderDefaults& defaults) {
  refuse_other_layers(fields);
  refuse_other_options(fields);
  TransformerSpec spec =
      read_sizes(fields, {.epsilon = "rms_norm_eps", .has_kv_heads = true, .head_dim = defaults.head_dim});
  spec.rotations = {rotary_frequencies(spec.head_dim, read_rope_theta(fields))};
  return {.spec = std::move(spec),
          .tied_embeddings = fields.boolean_or("tie_word_embeddings", defaults.tied_embeddings)};
}

}  // namespace rerank
