// The families of causal decoders, one file each.
#pragma once

#include "model/family.h"

namespace rerank {

extern const Family kQwen3;
extern const Family kQwen2;
extern const Family kGemma;

}  // namespace rerank
