// Counts what C++ allocates, or refuses it, in a program that links allocation_count.cc. For tests only.
#pragma once

namespace rerank {

// Calls of operator new since the start.
long num_allocations();

// This thread's allocation after `after` others fails with std::bad_alloc, once.
void refuse_allocation(long after);
// No allocation fails from now on. Returns how many more the one to fail would have come after; -1: it
// failed.
long stop_refusing();

}  // namespace rerank
