// The oracle of every backend test: float32, one thread's plain loops a row, the published formulas word for
// word.
#pragma once

#include <memory>

#include "backend/backend.h"

namespace rerank::reference {

std::unique_ptr<Backend> create_reference_backend(const BackendOptions& options);

}  // namespace rerank::reference
