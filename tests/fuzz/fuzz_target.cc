#include "tests/fuzz/fuzz_target.h"

#include <cstdio>
#include <cstdlib>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define RERANK_COUNTS_MEMORY
#endif
#endif

#ifdef RERANK_COUNTS_MEMORY
#include <sanitizer/allocator_interface.h>
#endif

namespace rerank::fuzz {

void expect(bool holds, std::string_view property) {
  if (holds) return;
  std::fprintf(stderr, "\nDOES NOT HOLD: %.*s\n", static_cast<int>(property.size()), property.data());
  std::abort();
}

void expect_presentable(std::string_view message) {
  constexpr std::size_t kMostBytes = 1000;
  expect(!message.empty() && message.size() <= kMostBytes, "a message is not too long");
  for (const char c : message) {
    expect(static_cast<unsigned char>(c) >= 0x20 && c != 0x7f, "a message has no control characters");
  }
}

#ifdef RERANK_COUNTS_MEMORY

namespace {

std::ptrdiff_t bytes_left = 0;
bool is_bounded = false;

void count_allocation(const volatile void* /*block*/, std::size_t size) {
  if (!is_bounded) return;
  bytes_left -= static_cast<std::ptrdiff_t>(size);
  if (bytes_left >= 0) return;
  is_bounded = false;
  std::fprintf(stderr, "an allocation of %zu bytes goes %td beyond the bound\n", size, -bytes_left);
  expect(false, "memory is bounded by the size of the input");
}

void count_release(const volatile void* block) {
  if (is_bounded && block != nullptr) {
    bytes_left += static_cast<std::ptrdiff_t>(__sanitizer_get_allocated_size(block));
  }
}

}  // namespace

MemoryBound::MemoryBound(std::size_t max_bytes) {
  static const int installed = __sanitizer_install_malloc_and_free_hooks(count_allocation, count_release);
  expect(installed != 0, "the sanitizer takes hooks for malloc and free");
  bytes_left = static_cast<std::ptrdiff_t>(max_bytes);
  is_bounded = true;
}

MemoryBound::~MemoryBound() {
  is_bounded = false;
}

#else

MemoryBound::MemoryBound(std::size_t /*max_bytes*/) {}
MemoryBound::~MemoryBound() = default;

#endif

}  // namespace rerank::fuzz
