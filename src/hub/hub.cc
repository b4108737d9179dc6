#include "hub/hub.h"

#include <utility>

#include "hub/huggingface_hub.h"
#include "hub/modelscope_hub.h"

namespace rerank {

std::unique_ptr<Hub> make_hub(HubKind kind, HubAccess access) {
  if (kind == HubKind::kModelScope) return std::make_unique<ModelScopeHub>(std::move(access));
  return std::make_unique<HuggingFaceHub>(std::move(access));
}

}  // namespace rerank
