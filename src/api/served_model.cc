#include "api/served_model.h"

#include <algorithm>

namespace rerank::api {

void require_served(std::string_view model, const RequestRules& rules) {
  constexpr std::string_view kInfinityDefault = "default/not-specified";
  const auto& names = rules.served_names;
  if (model.empty() || std::find(names.begin(), names.end(), model) != names.end()) return;
  if (model != kInfinityDefault) throw unknown_model(model);
}

}  // namespace rerank::api
