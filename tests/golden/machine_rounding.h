// How this machine rounds where IEEE 754 does not say: a fingerprint of the C library's functions and one of
// the dot product of bfloat16 pairs. Machines with the same one have the same bits. For tests only.
#pragma once

#include <bit>
#include <cstdint>
#include <span>

namespace rerank {

class Fingerprint {
 public:
  void add(float x) { add_bits(std::bit_cast<std::uint32_t>(x)); }
  void add(double x) { add_bits(std::bit_cast<std::uint64_t>(x)); }
  std::uint64_t hash() const { return hash_; }

 private:
  void add_bits(std::uint64_t bits) {  // FNV-1a
    for (int i = 0; i < 8; ++i) hash_ = (hash_ ^ (bits >> (8 * i) & 0xff)) * 0x100000001b3u;
  }

  std::uint64_t hash_ = 0xcbf29ce484222325u;
};

// Of the sines and cosines that rotary embeddings take, and of exponentials. glibc promises no rounding of
// them: it chooses variants by processor, and a newer one may round better.
std::uint64_t libm_rounding();

// Of vdpbf16ps, straight from the instruction. Vendors need not agree on the order of its two sums, nor on
// what becomes of subnormals. 0 where the processor lacks it.
std::uint64_t pair_dot_rounding();

// out[i] = sum[i] + the dot product of pairs a[i] and b[i], 16 at a time. REQUIRES: AVX-512 BF16, whole 16s.
void add_pair_dots(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b, std::span<float> sums);

}  // namespace rerank
