// Counts what C++ allocates in a program that links allocation_count.cc. For tests only.
#pragma once

namespace rerank {

// Calls of operator new since the start.
long num_allocations();

}  // namespace rerank
