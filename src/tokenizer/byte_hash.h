// A fast hash of short byte strings for the tables of this room. Neither secure nor portable: it depends on
// byte order.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace rerank {

inline uint64_t mix_bits(uint64_t a, uint64_t b) {
  __extension__ using Wide = unsigned __int128;
  Wide product = static_cast<Wide>(a ^ 0x9E3779B97F4A7C15u) * (b ^ 0xD1B54A32D192ED03u);
  return static_cast<uint64_t>(product) ^ static_cast<uint64_t>(product >> 64);
}

inline uint64_t hash_bytes(std::string_view bytes) {
  const char* data = bytes.data();
  size_t left = bytes.size();
  uint64_t hash = left;
  for (; left > 8; left -= 8, data += 8) {
    uint64_t eight;
    std::memcpy(&eight, data, 8);
    hash = mix_bits(hash, eight);
  }
  // Two overlapping reads cover any remainder without a loop over bytes.
  uint64_t rest = 0;
  if (left >= 4) {
    uint32_t low, high;
    std::memcpy(&low, data, 4);
    std::memcpy(&high, data + left - 4, 4);
    rest = static_cast<uint64_t>(high) << 32 | low;
  } else if (left > 0) {
    auto at = [&](size_t i) { return static_cast<uint64_t>(static_cast<unsigned char>(data[i])); };
    rest = at(0) | at(left / 2) << 8 | at(left - 1) << 16;
  }
  return mix_bits(hash, rest);
}

}  // namespace rerank
