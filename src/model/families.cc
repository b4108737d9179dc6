#include "model/families.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <optional>
#include <vector>

#include "base/shown_text.h"
#include "model/decoder/decoders.h"
#include "model/encoder/encoders.h"

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

std::string read_architecture(const JsonView& config) {
  const JsonView list = config.at("architectures");
  if (list.array().size() != 1) list.refuse(fmt::format("has {} names, not one", list.array().size()));
  return std::string(list.element(0).string());
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

FamilyMatch find_family(const JsonView& config) {
  const std::string architecture = read_architecture(config);
  for (const Family* family : kFamilies) {
    const std::optional<HeadKind> head = head_of(*family, architecture);
    if (!head) continue;
    const std::optional<JsonView> type = config.find("model_type");
    if (type && type->string() != family->model_type) {
      type->unsupported(
          fmt::format("is {}, but {} goes with {}", type->quoted(), architecture, family->model_type));
    }
    return {family, architecture, *head};
  }
  config.at("architectures")
      .unsupported(fmt::format("names {}, which is not a reranker that this program knows; it runs {}",
                               shown_text(architecture), known_architectures()));
}

}  // namespace rerank
