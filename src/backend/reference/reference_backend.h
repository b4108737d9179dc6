// The reference for all backend tests: float32, naive single-threaded loops per row, and the published
// formulas verbatim.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace rerank::reference {

std::unique_ptr<Backend> create_reference_backend(const BackendOptions& options);

}  // namespace rerank::reference
