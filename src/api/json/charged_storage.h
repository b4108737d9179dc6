// Memory for a JSON document, charged before it is allocated.
#pragma once

#include <boost/json/memory_resource.hpp>
#include <boost/json/storage_ptr.hpp>
#include <cstddef>
#include <memory>
#include <vector>

#include "api/json/allowance.h"

namespace rerank::api {

// A monotonic allocator: frees nothing before it is destroyed. Not safe from several threads at once.
class ChargedStorage final : public boost::json::memory_resource {
 public:
  // Its first block has `first_bytes`, or less if that is large. `allowance` must outlive it.
  ChargedStorage(std::size_t first_bytes, Allowance& allowance);
  ~ChargedStorage() override;
  ChargedStorage(const ChargedStorage&) = delete;
  ChargedStorage& operator=(const ChargedStorage&) = delete;

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void*, std::size_t, std::size_t) override {}
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }
  std::byte* add_block(std::size_t bytes);

  Allowance& allowance_;
  std::vector<std::unique_ptr<std::byte[]>> blocks_;
  std::size_t taken_ = 0;
  std::size_t next_block_bytes_;
  std::byte* free_ = nullptr;  // of the newest block that is not full
  std::size_t num_free_ = 0;
};

// A heap. Not safe from several threads at once.
class ChargedHeap final : public boost::json::memory_resource {
 public:
  explicit ChargedHeap(Allowance& allowance) : allowance_(allowance) {}

 private:
  void* do_allocate(std::size_t bytes, std::size_t alignment) override;
  void do_deallocate(void* memory, std::size_t bytes, std::size_t alignment) override;
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  Allowance& allowance_;
};

}  // namespace rerank::api

template <>
struct boost::json::is_deallocate_trivial<rerank::api::ChargedStorage> {
  static constexpr bool value = true;  // NOLINT(readability-identifier-naming): the name is Boost's
};
