#include "api/dialects/dialects.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>

#include "rerank/error.h"

namespace rerank::api {
namespace {

constexpr std::array kDialects = {&kNim,      &kWeaviate, &kTei,    &kMixedbread,
                                  &kInfinity, &kCohere,   &kVoyage, &kStandard};

}  // namespace

std::span<const Dialect* const> dialects() {
  return kDialects;
}

std::vector<std::string> dialect_names() {
  std::vector<std::string> names;
  for (const Dialect* dialect : kDialects) names.emplace_back(dialect->name);
  return names;
}

const Dialect& dialect_named(std::string_view name) {
  for (const Dialect* dialect : kDialects) {
    if (dialect->name == name) return *dialect;
  }
  throw Error(ErrorCode::kInvalidArgument,
              fmt::format("--reply-format {}: choose one of {}", name, fmt::join(dialect_names(), ", ")));
}

}  // namespace rerank::api
