#include "model/rope_config.h"

#include <fmt/format.h>

#include <cmath>
#include <numbers>

namespace rerank {
namespace {

constexpr std::string_view kRopeKeys[] = {"rope_parameters", "rope_scaling"};

// Only rotation by rope_theta alone.
void refuse_rope_scaling(const JsonView& rope) {
  for (const boost::json::key_value_pair& member : rope.object()) {
    const std::string_view key = member.key();
    const JsonView field = rope.member(member);
    if (member.value().is_null() || key == "rope_theta") continue;
    const bool is_type = key == "rope_type" || key == "type";
    const bool is_whole = key == "partial_rotary_factor" && field.positive() == 1;
    if (is_whole || (is_type && field.string() == "default")) continue;
    field.unsupported(fmt::format(
        "is {}: rope scaling is not supported; use the model as published, without it", field.quoted()));
  }
}

}  // namespace

double read_rope_theta(const JsonView& fields) {
  std::optional<JsonView> theta = fields.find("rope_theta");
  for (const std::string_view key : kRopeKeys) {
    const std::optional<JsonView> rope = fields.find(key);
    if (!rope) continue;
    refuse_rope_scaling(*rope);
    const std::optional<JsonView> inner = rope->find("rope_theta");
    if (theta && inner && inner->positive() != theta->positive()) {
      inner->refuse(
          fmt::format("is {}, but elsewhere in the file it is {}", inner->quoted(), theta->quoted()));
    }
    if (inner) theta.emplace(*inner);
  }
  return (theta ? *theta : fields.at("rope_theta")).positive();
}

std::optional<JsonView> find_rope_scaling(const JsonView& fields, std::string_view type) {
  for (const std::string_view key : kRopeKeys) {
    const std::optional<JsonView> rope = fields.find(key);
    if (!rope) continue;
    for (const std::string_view name : {"rope_type", "type"}) {
      if (rope->string_or(name, "") == type) return rope;
    }
  }
  return std::nullopt;
}

// In float32, in Hugging Face's order of operations.
std::vector<float> scale_as_llama3(std::vector<float> frequencies, const JsonView& scaling) {
  const auto number = [&](const char* key) { return static_cast<float>(scaling.at(key).positive()); };
  const float factor = number("factor"), low = number("low_freq_factor"), high = number("high_freq_factor");
  const float positions = number("original_max_position_embeddings");
  if (!(high > low)) scaling.at("high_freq_factor").refuse("must be larger than low_freq_factor");
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
