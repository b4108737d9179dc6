// Blocks of memory: zeroed, aligned, movable, and an error where there is no such range.
#include "base/memory_block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <utility>

#include "rerank/error.h"
#include "tests/support/error_of.h"

namespace rerank {
namespace {

TEST(MemoryBlock, IsZeroedAndAligned) {
  for (const std::size_t size_bytes : {std::size_t{1}, std::size_t{4096}, std::size_t{5} << 20}) {
    const MemoryBlock block(size_bytes);
    EXPECT_EQ(block.size_bytes(), size_bytes);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(block.data()) % 4096, 0u);
    EXPECT_TRUE(
        std::all_of(block.data(), block.data() + size_bytes, [](std::byte b) { return b == std::byte{}; }));
    block.as<std::uint8_t>()[size_bytes - 1] = 7;
    EXPECT_EQ(block.data()[size_bytes - 1], std::byte{7});
  }
}

TEST(MemoryBlock, OfNothing) {
  EXPECT_EQ(MemoryBlock().data(), nullptr);
  EXPECT_EQ(MemoryBlock(0).data(), nullptr);
  EXPECT_EQ(MemoryBlock(0).size_bytes(), 0u);
}

TEST(MemoryBlock, Moves) {
  MemoryBlock first(100);
  first.as<int>()[3] = 42;
  MemoryBlock second(std::move(first));
  MemoryBlock third(8);
  third = std::move(second);
  EXPECT_EQ(third.as<int>()[3], 42);
  EXPECT_EQ(third.size_bytes(), 100u);
}

TEST(MemoryBlock, MoreThanThereIs) {
  try {
    const MemoryBlock block(std::size_t{1} << 62);
    FAIL() << "reserved " << block.size_bytes();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
  }
}

TEST(RequireMemory, SaysHowMuchIsNeededAndHowMuchIsThere) {
  EXPECT_EQ(error_of([] { require_memory(1, "this"); }), "no error");
  EXPECT_THAT(error_of([] { require_memory(std::size_t{1} << 60, "keys and values"); }),
              testing::MatchesRegex(
                  R"(keys and values would need 1073741824\.0 GiB, and this machine has [0-9.]+ GiB)"));
}

}  // namespace
}  // namespace rerank
