#include "api/served_model.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

namespace rerank::api {

std::string shown_model(const std::string& model) {
  const std::size_t end = model.find_last_not_of('/');
  if (end == std::string::npos) return model;
  const bool is_path = std::string_view("/.~").find(model.front()) != std::string_view::npos;
  std::error_code error;
  if (!is_path && !std::filesystem::is_directory(model, error)) return model;
  const std::size_t slash = model.rfind('/', end);
  return slash == std::string::npos ? model.substr(0, end + 1) : model.substr(slash + 1, end - slash);
}

void require_served(std::string_view model, const RequestRules& rules) {
  constexpr std::string_view kInfinityDefault = "default/not-specified";
  const auto& names = rules.served_names;
  if (model.empty() || std::find(names.begin(), names.end(), model) != names.end()) return;
  if (model != kInfinityDefault) throw unknown_model(model);
}

}  // namespace rerank::api
