// The supported families of models.
#pragma once

#include <span>
#include <string>

#include "model/family.h"

namespace rerank {

std::span<const Family* const> families();

struct FamilyMatch {
  const Family* family = nullptr;
  std::string architecture;  // one of the family's
  HeadKind head = HeadKind::kVocabulary;
  bool has_classification_head() const { return head != HeadKind::kVocabulary; }
};

// By architectures and model_type. Throws Error naming the key, and the architectures that are known.
FamilyMatch find_family(const JsonView& config);

}  // namespace rerank
