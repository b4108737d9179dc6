#include "model/rope_config.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/string.hpp>
#include <cmath>
#include <numbers>

#include "text/strict_json.h"

namespace rerank {
namespace {

namespace json = boost::json;

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

}  // namespace

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

std::optional<ConfigReader> find_rope_scaling(const ConfigReader& fields, std::string_view type) {
  for (const std::string_view key : {"rope_parameters", "rope_scaling"}) {
    const json::value* value = fields.find(key);
    if (value == nullptr || !value->is_object()) continue;
    ConfigReader rope = fields.inner(key);
    for (const std::string_view name : {"rope_type", "type"}) {
      if (rope.contains(name) && rope.text(name) == type) return rope;
    }
  }
  return std::nullopt;
}

// In float32, in Hugging Face's order of operations.
std::vector<float> scale_as_llama3(std::vector<float> frequencies, const ConfigReader& scaling) {
  const auto number = [&](const char* key) { return static_cast<float>(scaling.positive(key)); };
  const float factor = number("factor"), low = number("low_freq_factor"), high = number("high_freq_factor");
  const float positions = number("original_max_position_embeddings");
  if (!(high > low)) scaling.refuse("high_freq_factor", "must be larger than low_freq_factor");
  for (float& frequency : frequencies) {
    const float wavelength = static_cast<float>(2 * std::numbers::pi) / frequency;
    if (wavelength > positions / low) {
      frequency /= factor;
    } else if (wavelength >= positions / high) {
      const float smooth = (positions / wavelength - low) / (high - low);
      frequency = (1 - smooth) * frequency / factor + smooth * frequency;
    }
  }
  return frequencies;
}

}  // namespace rerank
