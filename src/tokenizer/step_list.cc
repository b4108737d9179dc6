#include "tokenizer/step_list.h"

namespace rerank {

std::vector<JsonView> flattened(const JsonView& step, std::string_view list) {
  if (step.at("type").string() != "Sequence") return {step};
  step.allow_only({"type", list});
  std::vector<JsonView> steps;
  const JsonView members = step.at(list);
  for (size_t i = 0; i < members.array().size(); ++i) {
    for (JsonView& member : flattened(members.element(i), list)) steps.push_back(std::move(member));
  }
  return steps;
}

}  // namespace rerank
