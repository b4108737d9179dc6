#include "rerank/version.h"

namespace rerank {

const char* version() {
  return RERANK_VERSION;
}

}  // namespace rerank
