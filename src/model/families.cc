#include "model/families.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <boost/json/array.hpp>
#include <optional>
#include <vector>

#include "model/decoder/decoders.h"
#include "model/encoder/encoders.h"
#include "text/strict_json.h"

namespace rerank {
namespace {

constexpr std::array kFamilies = {&kQwen3,      &kQwen2,      &kGemma,  &kBert,    &kRoberta,
                                  &kXlmRoberta, &kModernBert, &kGteNew, &kNemotron};

std::string known_architectures() {
  std::vector<std::string_view> names;
  for (const Family* family : kFamilies) {
    for (const std::string_view name : {family->causal, family->classifier}) {
      if (!name.empty()) names.push_back(name);
    }
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

std::string read_architecture(const ConfigReader& config) {
  const boost::json::value& value = config.get("architectures");
  const boost::json::array* list = value.if_array();
  if (list == nullptr || list->size() != 1 || !list->front().is_string()) {
    config.refuse("architectures", fmt::format("is {}, but must list one name", shown_text(value)));
  }
  return {list->front().get_string().data(), list->front().get_string().size()};
}

std::optional<HeadKind> head_of(const Family& family, std::string_view architecture) {
  if (architecture.empty()) return std::nullopt;
  if (architecture == family.causal) return HeadKind::kVocabulary;
  if (architecture == family.classifier) return HeadKind::kClassification;
  if (architecture == family.plain) return HeadKind::kModules;
  return std::nullopt;
}

}  // namespace

std::span<const Family* const> families() {
  return kFamilies;
}

FamilyMatch find_family(const ConfigReader& config) {
  const std::string architecture = read_architecture(config);
  for (const Family* family : kFamilies) {
    const std::optional<HeadKind> head = head_of(*family, architecture);
    if (!head) continue;
    if (config.contains("model_type") && config.text("model_type") != family->model_type) {
      config.unsupported("model_type",
                         fmt::format("is {}, but {} goes with {}", shown_text(config.text("model_type")),
                                     architecture, family->model_type));
    }
    return {family, architecture, *head};
  }
  config.unsupported("architectures",
                     fmt::format("names {}, which is not a reranker that this program knows; it runs {}",
                                 shown_text(architecture), known_architectures()));
}

}  // namespace rerank
