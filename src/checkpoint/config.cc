#include "checkpoint/config.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <cmath>

#include "checkpoint/strict_json.h"
#include "rerank/error.h"

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
// Qwen3Config's own value where a file leaves head_dim out; the tensors' shapes confirm or refuse it.
constexpr std::int32_t kDefaultHeadDim = 128;

// One JSON object with the name that messages give it.
class Fields {
 public:
  Fields(const json::object& object, std::string name) : object_(object), name_(std::move(name)) {}

  // nullptr when the key is missing or null.
  const json::value* find(std::string_view key) const {
    const json::value* value = object_.if_contains(key);
    return value == nullptr || value->is_null() ? nullptr : value;
  }

  const json::value& get(std::string_view key) const {
    const json::value* value = find(key);
    if (value == nullptr) refuse(key, "is missing; download the model's config.json again");
    return *value;
  }

  std::int32_t integer(std::string_view key, std::int64_t min, std::int64_t max) const {
    const json::value& value = get(key);
    if (!value.is_int64() || value.get_int64() < min || value.get_int64() > max) {
      refuse(key,
             fmt::format(
                 "is {}, but must be a whole number from {} to {}; download the model's config.json again",
                 shown_text(value), min, max));
    }
    return static_cast<std::int32_t>(value.get_int64());
  }

  double positive(std::string_view key) const {
    const json::value& value = get(key);
    const double number = value.is_double()  ? value.get_double()
                          : value.is_int64() ? static_cast<double>(value.get_int64())
                                             : 0;
    if (!(number > 0) || !std::isfinite(number)) {
      refuse(key, fmt::format("is {}, but must be a number above 0; download the model's config.json again",
                              shown_text(value)));
    }
    return number;
  }

  bool flag(std::string_view key, bool otherwise) const {
    const json::value* value = find(key);
    if (value == nullptr) return otherwise;
    if (!value->is_bool()) refuse(key, fmt::format("is {}, but must be true or false", shown_text(*value)));
    return value->get_bool();
  }

  std::string_view text(std::string_view key) const {
    const json::value& value = get(key);
    if (!value.is_string()) refuse(key, fmt::format("is {}, but must be a string", shown_text(value)));
    return {value.get_string().data(), value.get_string().size()};
  }

  [[noreturn]] void refuse(std::string_view key, std::string_view what,
                           ErrorCode code = ErrorCode::kInvalidArgument) const {
    throw Error(code, fmt::format("{}: {} {}", name_, shown_text(key), what));
  }
  [[noreturn]] void unsupported(std::string_view key, std::string_view what) const {
    refuse(key, what, ErrorCode::kUnsupported);
  }

  const json::object& object() const { return object_; }
  const std::string& name() const { return name_; }

 private:
  const json::object& object_;
  std::string name_;
};

std::string read_architecture(const Fields& fields) {
  const json::value& value = fields.get("architectures");
  const json::array* list = value.if_array();
  if (list == nullptr || list->size() != 1 || !list->front().is_string()) {
    fields.refuse("architectures", fmt::format("is {}, but must list one name", shown_text(value)));
  }
  std::string name(list->front().get_string().data(), list->front().get_string().size());
  if (name != "Qwen3ForCausalLM" && name != "Qwen3ForSequenceClassification") {
    fields.unsupported(
        "architectures",
        fmt::format("names {}, which is no reranker that this program knows; it runs Qwen3ForCausalLM "
                    "(such as Qwen/Qwen3-Reranker-0.6B) and Qwen3ForSequenceClassification",
                    shown_text(name)));
  }
  if (fields.find("model_type") != nullptr && fields.text("model_type") != "qwen3") {
    fields.unsupported("model_type", fmt::format("is {}, but {} goes with qwen3",
                                                 shown_text(fields.text("model_type")), name));
  }
  return name;
}

// rope_parameters or rope_scaling: only rotation by rope_theta alone.
void refuse_rope_scaling(const Fields& fields, std::string_view key) {
  const json::value* value = fields.find(key);
  if (value == nullptr) return;
  if (!value->is_object()) {
    fields.refuse(key, fmt::format("is {}, but must be null or an object", shown_text(*value)));
  }
  const Fields rope(value->get_object(), fmt::format("{}: {}", fields.name(), key));
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

double read_rope_theta(const Fields& fields) {
  double theta = fields.find("rope_theta") != nullptr ? fields.positive("rope_theta") : 0;
  for (const std::string_view key : {"rope_parameters", "rope_scaling"}) {
    refuse_rope_scaling(fields, key);
    const json::value* value = fields.find(key);
    if (value == nullptr) continue;
    const Fields rope(value->get_object(), fmt::format("{}: {}", fields.name(), key));
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

void refuse_sliding_window(const Fields& fields) {
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

void refuse_other_options(const Fields& fields) {
  for (const std::string_view key : {"attention_bias", "mlp_bias", "use_bidirectional_attention"}) {
    if (fields.flag(key, false))
      fields.unsupported(key, "is true, which is not supported; use a model without it");
  }
  if (!fields.flag("is_causal", true)) {
    fields.unsupported("is_causal", "is false, which is not supported; use a model with causal attention");
  }
  if (fields.find("hidden_act") != nullptr && fields.text("hidden_act") != "silu") {
    fields.unsupported("hidden_act", fmt::format("is {}, but only silu is supported",
                                                 shown_text(fields.text("hidden_act"))));
  }
  for (const std::string_view key : {"quantization_config", "compression_config"}) {
    if (fields.find(key) != nullptr) {
      fields.unsupported(key, "is set: quantized checkpoints are not supported; use the bfloat16 original");
    }
  }
}

ModelConfig read_numbers(const Fields& fields) {
  ModelConfig config;
  config.hidden = fields.integer("hidden_size", 1, kMaxWidth);
  config.ffn = fields.integer("intermediate_size", 1, kMaxWidth);
  config.num_layers = fields.integer("num_hidden_layers", 1, kMaxLayers);
  config.num_heads = fields.integer("num_attention_heads", 1, kMaxHeads);
  config.num_kv_heads = fields.integer("num_key_value_heads", 1, kMaxHeads);
  config.head_dim =
      fields.find("head_dim") != nullptr ? fields.integer("head_dim", 2, kMaxHeadDim) : kDefaultHeadDim;
  config.vocab = fields.integer("vocab_size", 1, kMaxVocab);
  config.max_positions = fields.integer("max_position_embeddings", 1, kMaxPositions);
  config.rms_norm_eps = static_cast<float>(fields.positive("rms_norm_eps"));
  config.rope_theta = read_rope_theta(fields);
  config.tied_embeddings = fields.flag("tie_word_embeddings", false);
  if (config.num_heads % config.num_kv_heads != 0) {
    fields.refuse("num_attention_heads",
                  fmt::format("is {}, but must be a multiple of num_key_value_heads, {}; download "
                              "the model's config.json again",
                              config.num_heads, config.num_kv_heads));
  }
  if (config.head_dim % 2 != 0) {
    fields.refuse("head_dim", fmt::format("is {}, but must be even; download the model's config.json again",
                                          config.head_dim));
  }
  if (!(config.rms_norm_eps > 0) || config.rms_norm_eps >= 1) {
    fields.refuse("rms_norm_eps", "is out of range: must be a small number above 0, such as 1e-06");
  }
  return config;
}

}  // namespace

ModelConfig parse_config(std::string_view text, std::string_view name) {
  const json::value value = parse_strict_json(text, name);
  require(value.is_object(),
          fmt::format("{}: must be a JSON object; download the model's config.json again", name));
  const Fields fields(value.get_object(), std::string(name));
  const std::string architecture = read_architecture(fields);
  refuse_sliding_window(fields);
  refuse_other_options(fields);
  ModelConfig config = read_numbers(fields);
  config.architecture = architecture;
  return config;
}

}  // namespace rerank
