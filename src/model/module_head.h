// The head that sentence-transformers modules form on top of an encoder: Pooling, then Dense and LayerNorm in
// their own folders.
#pragma once

#include "checkpoint/checkpoint.h"
#include "model/families.h"

namespace rerank {

// Adds the head and its tensors, FOLDER/NAME, to `layout` if the architecture has no head. Throws
// Error{kUnsupported} naming a module or key that is not supported, such as those of an embedding model, and
// what to do.
void add_module_head(const Checkpoint& checkpoint, const FamilyMatch& match, ModelLayout& layout);

}  // namespace rerank
