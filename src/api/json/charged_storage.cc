#include "api/json/charged_storage.h"

#include <algorithm>
#include <new>

namespace rerank::api {
namespace {

constexpr std::size_t kLargestBlockBytes = 256 << 10;

class Unlimited final : public Allowance {
 public:
  void take(std::size_t) override {}
  void give_back(std::size_t) override {}
};

}  // namespace

Allowance& unlimited() {
  static Unlimited allowance;
  return allowance;
}

ChargedStorage::ChargedStorage(std::size_t first_bytes, Allowance& allowance)
    : allowance_(allowance), next_block_bytes_(std::min(first_bytes, kLargestBlockBytes)) {}

ChargedStorage::~ChargedStorage() {
  blocks_.clear();
  allowance_.give_back(taken_);
}

std::byte* ChargedStorage::add_block(std::size_t bytes) {
  allowance_.take(bytes);
  taken_ += bytes;
  // Not std::make_unique: it would touch all of it.
  blocks_.emplace_back(new std::byte[bytes]);
  return blocks_.back().get();
}

void* ChargedStorage::do_allocate(std::size_t bytes, std::size_t alignment) {
  void* place = free_;
  if (free_ == nullptr || std::align(alignment, bytes, place, num_free_) == nullptr) {
    // Large allocations have blocks of their own, so that little of the other blocks stays unused.
    const bool is_large = next_block_bytes_ == kLargestBlockBytes && bytes > kLargestBlockBytes / 4;
    if (is_large || bytes > next_block_bytes_) return add_block(bytes);
    num_free_ = next_block_bytes_;
    place = add_block(num_free_);
    next_block_bytes_ = std::min(2 * next_block_bytes_, kLargestBlockBytes);
  }
  free_ = static_cast<std::byte*>(place) + bytes;
  num_free_ -= bytes;
  return place;
}

void* ChargedHeap::do_allocate(std::size_t bytes, std::size_t) {
  allowance_.take(bytes);
  try {
    return ::operator new(bytes);
  } catch (...) {
    allowance_.give_back(bytes);
    throw;
  }
}

void ChargedHeap::do_deallocate(void* memory, std::size_t bytes, std::size_t) {
  ::operator delete(memory);
  allowance_.give_back(bytes);
}

}  // namespace rerank::api
