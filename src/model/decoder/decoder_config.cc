#include "model/decoder/decoder_config.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/string.hpp>

#include "text/strict_json.h"

namespace rerank {
namespace {

namespace json = boost::json;

// Upper bounds far above any published model, low enough that no product of two overflows 64 bits.
constexpr std::int64_t kMaxWidth = 1 << 18;
constexpr std::int64_t kMaxLayers = 1 << 12;
constexpr std::int64_t kMaxHeads = 1 << 12;
constexpr std::int64_t kMaxHeadDim = 1 << 10;
constexpr std::int64_t kMaxVocab = 1 << 24;
constexpr std::int64_t kMaxPositions = 1 << 28;

// rope_parameters or rope_scaling: only rotation by rope_theta alone.
void refuse_rope_scaling(const ConfigReader& fields, std::string_view key) {
  const json::value* value = fields.find(key);
  if (value == nullptr) return;
  if (!value->is_object()) {
    fields.refuse(key, fmt::format("is {}, but must be null or an object", shown_text(*value)));
  }
  const ConfigReader rope = fields.inner(key);
  for (const json::key_value_pair& entry : rope.object()) {
    const std::string_view field(entry.key().data(), entry.key().size());
    if (entry.value().is_null() || field == "rope_theta") continue;
    const bool is_type = field == "rope_type" || field == "type";
    const bool is_whole = field == "partial_rotary_factor" && rope.positive(field) == 1;
    if (is_whole || (is_type && rope.text(field) == "default")) continue;
    rope.unsupported(
        field, fmt::format("is {}: rope scaling is not supported; use the model as published, without it",
                           shown_text(entry.value())));
  }
}

double read_rope_theta(const ConfigReader& fields) {
  double theta = fields.find("rope_theta") != nullptr ? fields.positive("rope_theta") : 0;
  for (const std::string_view key : {"rope_parameters", "rope_scaling"}) {
    refuse_rope_scaling(fields, key);
    const json::value* value = fields.find(key);
    if (value == nullptr) continue;
    const ConfigReader rope = fields.inner(key);
    if (rope.find("rope_theta") == nullptr) continue;
    const double inner = rope.positive("rope_theta");
    if (theta != 0 && inner != theta) {
      rope.refuse("rope_theta", fmt::format("is {}, but elsewhere in the file it is {}", inner, theta));
    }
    theta = inner;
  }
  if (theta == 0) fields.get("rope_theta");
  return theta;
}

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
  for (const std::string_view key : {"quantization_config", "compression_config"}) {
    if (fields.find(key) != nullptr) {
      fields.unsupported(key, "is set: quantized checkpoints are not supported; use the bfloat16 original");
    }
  }
}

// Where config.json leaves it out.
std::int32_t read_head_dim(const ConfigReader& fields, const DecoderDefaults& defaults,
                           const TransformerSpec& spec) {
  if (fields.contains("head_dim")) return fields.integer("head_dim", 2, kMaxHeadDim);
  if (defaults.head_dim != 0) return defaults.head_dim;
  if (spec.hidden % spec.num_heads != 0) {
    fields.refuse("num_attention_heads",
                  fmt::format("is {}, but must divide hidden_size, {}, where head_dim is left out",
                              spec.num_heads, spec.hidden));
  }
  return spec.hidden / spec.num_heads;
}

TransformerSpec read_spec(const ConfigReader& fields, const DecoderDefaults& defaults) {
  TransformerSpec spec;
  spec.hidden = fields.integer("hidden_size", 1, kMaxWidth);
  spec.ffn = fields.integer("intermediate_size", 1, kMaxWidth);
  spec.num_layers = fields.integer("num_hidden_layers", 1, kMaxLayers);
  spec.num_heads = fields.integer("num_attention_heads", 1, kMaxHeads);
  spec.num_kv_heads = fields.integer("num_key_value_heads", 1, kMaxHeads);
  spec.head_dim = read_head_dim(fields, defaults, spec);
  spec.vocab = fields.integer("vocab_size", 1, kMaxVocab);
  spec.max_positions = fields.integer("max_position_embeddings", 1, kMaxPositions);
  spec.norm_eps = static_cast<float>(fields.positive("rms_norm_eps"));
  spec.rotations = {rotary_frequencies(spec.head_dim, read_rope_theta(fields))};
  if (spec.num_heads % spec.num_kv_heads != 0) {
    fields.refuse("num_attention_heads",
                  fmt::format("is {}, but must be a multiple of num_key_value_heads, {}; download "
                              "the model's config.json again",
                              spec.num_heads, spec.num_kv_heads));
  }
  if (spec.head_dim % 2 != 0) {
    fields.refuse("head_dim", fmt::format("is {}, but must be even; download the model's config.json again",
                                          spec.head_dim));
  }
  if (!(spec.norm_eps > 0) || spec.norm_eps >= 1) {
    fields.refuse("rms_norm_eps", "is out of range: must be a small number above 0, such as 1e-06");
  }
  return spec;
}

}  // namespace

void require_activation(const ConfigReader& config, std::string_view key,
                        std::initializer_list<std::string_view> names) {
  if (!config.contains(key)) return;
  const std::string_view name = config.text(key);
  if (std::find(names.begin(), names.end(), name) != names.end()) return;
  config.unsupported(key, fmt::format("is {}, but only {} is supported in this family", shown_text(name),
                                      fmt::join(names, " or ")));
}

DecoderConfig read_decoder_config(const ConfigReader& fields, const DecoderDefaults& defaults) {
  refuse_sliding_window(fields);
  refuse_other_options(fields);
  return {.spec = read_spec(fields, defaults),
          .tied_embeddings = fields.flag("tie_word_embeddings", defaults.tied_embeddings)};
}

}  // namespace rerank
