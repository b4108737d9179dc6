// Non-cryptographic 64-bit hashes for identities and keys: FNV-1a for short texts, and a block hash that runs
// at memory speed.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>

namespace rerank {

class ContentHash {
 public:
  void add(std::string_view text) {
    for (const char c : text) value_ = (value_ ^ static_cast<unsigned char>(c)) * kPrime;
  }
  void add(std::span<const std::byte> bytes) {
    add(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }
  // Adds the eight bytes in little-endian order.
  void add(std::uint64_t number) {
    for (int byte = 0; byte < 8; ++byte) value_ = (value_ ^ ((number >> (8 * byte)) & 0xff)) * kPrime;
  }
  std::uint64_t value() const { return value_; }

 private:
  static constexpr std::uint64_t kPrime = 0x100000001B3;
  std::uint64_t value_ = 0xCBF29CE484222325;
};

// Hashes 8-byte words in four interleaved lanes. Every step is a bijection, so two blocks that differ in one
// word never have the same hash.
inline std::uint64_t hash_block(std::span<const std::byte> bytes) {
  static_assert(std::endian::native == std::endian::little, "identities are compared between machines");
  constexpr std::uint64_t kFactor = 0x9FB21C651E98DF25;  // odd
  constexpr std::size_t kLanes = 4, kWordBytes = 8;
  std::array<std::uint64_t, kLanes> lanes = {1, 2, 3, 4};
  const auto mix = [](std::uint64_t lane, std::uint64_t word) {
    lane = (lane ^ word) * kFactor;
    return lane ^ (lane >> 29);
  };
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  const auto word_at = [](const std::byte* from, std::size_t size_bytes) {
    std::uint64_t word = 0;
    std::memcpy(&word, from, size_bytes);
    return word;
  };
  for (; left >= kLanes * kWordBytes; left -= kLanes * kWordBytes, at += kLanes * kWordBytes) {
    for (std::size_t lane = 0; lane < kLanes; ++lane) {
      lanes[lane] = mix(lanes[lane], word_at(at + lane * kWordBytes, kWordBytes));
    }
  }
  std::uint64_t hash = mix(0, bytes.size());
  for (const std::uint64_t lane : lanes) hash = mix(hash, lane);
  while (left > 0) {
    const std::size_t size_bytes = left < kWordBytes ? left : kWordBytes;
    hash = mix(hash, word_at(at, size_bytes));
    at += size_bytes;
    left -= size_bytes;
  }
  return hash;
}

}  // namespace rerank
