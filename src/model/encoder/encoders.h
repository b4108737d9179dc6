// The families of encoders, one file each.
#pragma once

#include "model/family.h"

namespace rerank {

extern const Family kBert;
extern const Family kRoberta;
extern const Family kXlmRoberta;
extern const Family kModernBert;
extern const Family kGteNew;
extern const Family kNemotron;

}  // namespace rerank
