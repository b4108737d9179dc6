#include "base/memory_block.h"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "rerank/error.h"

namespace rerank {

MemoryBlock::MemoryBlock(std::size_t size_bytes) : size_bytes_(size_bytes) {
  if (size_bytes == 0) return;
  void* data =
      ::mmap(nullptr, size_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) {
    throw Error(ErrorCode::kUnavailable, fmt::format("cannot reserve {} MiB of memory", size_bytes >> 20));
  }
  // Large pages save translation misses on the big buffers; the system may decline.
  if (size_bytes >= (std::size_t{1} << 21)) ::madvise(data, size_bytes, MADV_HUGEPAGE);
  data_ = static_cast<std::byte*>(data);
}

void require_memory(std::size_t needed_bytes, const char* what) {
  const std::size_t present_bytes = static_cast<std::size_t>(std::max(0L, ::sysconf(_SC_PHYS_PAGES))) *
                                    static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
  if (present_bytes == 0 || needed_bytes <= present_bytes) return;
  constexpr double kGiB = 1 << 30;
  throw Error(
      ErrorCode::kUnavailable,
      fmt::format("{} would need {:.1f} GiB, and this machine has {:.1f} GiB", what,
                  static_cast<double>(needed_bytes) / kGiB, static_cast<double>(present_bytes) / kGiB));
}

MemoryBlock::~MemoryBlock() {
  if (data_ != nullptr) ::munmap(data_, size_bytes_);
}

MemoryBlock::MemoryBlock(MemoryBlock&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)), size_bytes_(std::exchange(other.size_bytes_, 0)) {}

MemoryBlock& MemoryBlock::operator=(MemoryBlock&& other) noexcept {
  std::swap(data_, other.data_);
  std::swap(size_bytes_, other.size_bytes_);
  return *this;
}

}  // namespace rerank
