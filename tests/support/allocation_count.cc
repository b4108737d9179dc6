#include "tests/support/allocation_count.h"

#include <atomic>
#include <cstddef>
#include <cstdlib>
#include <new>

namespace rerank {
namespace {

std::atomic<long> count{0};

// Of this thread, before the one that fails; nothing fails while it is not active.
thread_local bool is_refusing = false;
thread_local long num_allowed = 0;

void* allocate(std::size_t size_bytes, std::size_t alignment) {
  ++count;
  if (is_refusing && --num_allowed < 0) {
    is_refusing = false;
    throw std::bad_alloc();
  }
  void* memory = std::aligned_alloc(alignment, (size_bytes + alignment) / alignment * alignment);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

long num_allocations() {
  return count;
}

void refuse_allocation(long after) {
  num_allowed = after;
  is_refusing = after >= 0;
}

long stop_refusing() {
  is_refusing = false;
  return num_allowed;
}

}  // namespace rerank

// The forms that are not named here call these; but those without exceptions not under a sanitizer, which
// brings its own of each.
void* operator new(std::size_t size_bytes) {
  return rerank::allocate(size_bytes, alignof(std::max_align_t));
}
void* operator new(std::size_t size_bytes, std::align_val_t alignment) {
  return rerank::allocate(size_bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t size_bytes, const std::nothrow_t&) noexcept {
  try {
    return rerank::allocate(size_bytes, alignof(std::max_align_t));
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}
