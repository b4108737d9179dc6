// Zeroed, page-aligned memory that becomes resident only where it is touched.
#pragma once

#include <cstddef>

namespace rerank {

// Movable, not copyable. Throws Error{kUnavailable} when the system has no such address range.
class MemoryBlock {
 public:
  MemoryBlock() = default;
  explicit MemoryBlock(std::size_t size_bytes);
  ~MemoryBlock();
  MemoryBlock(MemoryBlock&& other) noexcept;
  MemoryBlock& operator=(MemoryBlock&& other) noexcept;

  std::byte* data() const { return data_; }
  std::size_t size_bytes() const { return size_bytes_; }
  template <typename T>
  T* as() const {
    return reinterpret_cast<T*>(data_);
  }

 private:
  std::byte* data_ = nullptr;
  std::size_t size_bytes_ = 0;
};

// Throws Error{kUnavailable} that names both if this machine has less memory than `needed_bytes`. `what`
// begins the message: whose they are, and what makes them fewer.
void require_memory(std::size_t needed_bytes, const char* what);

}  // namespace rerank
