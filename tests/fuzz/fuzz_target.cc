#include "tests/fuzz/fuzz_target.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/shown_text.h"
#include "base/utf8.h"

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
  while (!message.empty()) {
    const TextCharacter first = first_character(message);
    expect(first.code_point >= 0, "a message is UTF-8");
    expect(!steers_output(first.code_point), "a message has no control characters");
    message.remove_prefix(first.num_bytes);
  }
}

#ifdef RERANK_COUNTS_MEMORY

namespace {

std::ptrdiff_t bytes_left = 0;
std::ptrdiff_t least_bytes_left = 0;
std::ptrdiff_t bound_bytes = 0;
bool is_bounded = false;

void count_allocation(const volatile void* /*block*/, std::size_t size) {
  if (!is_bounded) return;
  bytes_left -= static_cast<std::ptrdiff_t>(size);
  least_bytes_left = std::min(least_bytes_left, bytes_left);
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
  bound_bytes = static_cast<std::ptrdiff_t>(max_bytes);
  bytes_left = bound_bytes;
  least_bytes_left = bound_bytes;
  is_bounded = true;
}

MemoryBound::~MemoryBound() {
  is_bounded = false;
}

std::size_t MemoryBound::peak_bytes() const {
  return static_cast<std::size_t>(bound_bytes - least_bytes_left);
}

#else

MemoryBound::MemoryBound(std::size_t /*max_bytes*/) {}
MemoryBound::~MemoryBound() = default;

std::size_t MemoryBound::peak_bytes() const {
  return 0;
}

#endif

}  // namespace rerank::fuzz
