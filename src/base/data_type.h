// Element types of tensors and the conversions between them, exact or rounded to nearest even.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace rerank {

enum class DataType : std::uint8_t { kFloat32, kBFloat16, kFloat16 };

constexpr std::size_t element_bytes(DataType type) {
  return type == DataType::kFloat32 ? 4 : 2;
}

constexpr std::string_view to_string(DataType type) {
  return type == DataType::kFloat32 ? "float32" : type == DataType::kBFloat16 ? "bfloat16" : "float16";
}

// The upper half of a float32. Kept as bits: arithmetic happens in float32.
struct BFloat16 {
  std::uint16_t bits;
};

// IEEE 754 binary16, as bits.
struct Float16 {
  std::uint16_t bits;
};

constexpr float to_float(float x) {
  return x;
}
constexpr float to_float(BFloat16 x) {
  return std::bit_cast<float>(std::uint32_t{x.bits} << 16);
}

constexpr float to_float(Float16 x) {
  const std::uint32_t sign = std::uint32_t{x.bits & 0x8000u} << 16;
  const std::uint32_t exponent = (x.bits >> 10) & 0x1f;
  const std::uint32_t mantissa = x.bits & 0x3ffu;
  if (exponent == 0x1f) return std::bit_cast<float>(sign | 0x7f800000u | (mantissa << 13));
  if (exponent != 0) return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (mantissa << 13));
  // Subnormal: mantissa * 2^-24, exact in float32.
  const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
  return sign != 0 ? -magnitude : magnitude;
}

// Rounds to nearest, ties to even; a NaN stays a NaN.
constexpr BFloat16 to_bfloat16(float x) {
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return {static_cast<std::uint16_t>((bits >> 16) | 0x40u)};
  return {static_cast<std::uint16_t>((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16)};
}

}  // namespace rerank
