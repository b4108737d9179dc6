// The head that sentence-transformers' modules make on an encoder: Pooling, then Dense and LayerNorm in
// folders of their own.
#pragma once

#include "checkpoint/checkpoint.h"
#include "model/families.h"

namespace rerank {

// Adds to `layout` the head and its tensors, FOLDER/NAME, where the architecture has none of its own. Throws
// Error{kUnsupported} naming the module or key that this program does not compute, as those of an embedding
// model, and what to do.
void add_module_head(const Checkpoint& checkpoint, const FamilyMatch& match, ModelLayout& layout);

}  // namespace rerank
