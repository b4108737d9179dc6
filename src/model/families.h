// The families of models that this program computes.
#pragma once

#include <span>
#include <string>

#include "model/family.h"

namespace rerank {

std::span<const Family* const> families();

struct FamilyMatch {
  const Family* family = nullptr;
  std::string architecture;  // the family's causal or its classifier
  bool has_classification_head() const { return architecture == family->classifier; }
};

// By architectures and model_type. Throws Error naming the key, and the architectures that are known.
FamilyMatch find_family(const ConfigReader& config);

}  // namespace rerank
