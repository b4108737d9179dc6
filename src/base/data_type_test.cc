// Conversions between element types, against values worked out by hand and, where there are few, all values.
#include "base/data_type.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <random>

namespace rerank {
namespace {

float float_of(std::uint32_t bits) {
  return std::bit_cast<float>(bits);
}
std::uint32_t bits_of(float x) {
  return std::bit_cast<std::uint32_t>(x);
}

TEST(DataType, NamesAndSizes) {
  EXPECT_EQ(element_bytes(DataType::kFloat32), 4u);
  EXPECT_EQ(element_bytes(DataType::kBFloat16), 2u);
  EXPECT_EQ(element_bytes(DataType::kFloat16), 2u);
  EXPECT_EQ(to_string(DataType::kFloat32), "float32");
  EXPECT_EQ(to_string(DataType::kBFloat16), "bfloat16");
  EXPECT_EQ(to_string(DataType::kFloat16), "float16");
}

TEST(BFloat16, RoundsToNearestTiesToEven) {
  EXPECT_EQ(to_bfloat16(0.0f).bits, 0x0000);
  EXPECT_EQ(to_bfloat16(-0.0f).bits, 0x8000);
  EXPECT_EQ(to_bfloat16(1.0f).bits, 0x3f80);
  EXPECT_EQ(to_bfloat16(-2.0f).bits, 0xc000);
  // Just below, at and just above the middle between an even and an odd neighbour, then odd and even.
  EXPECT_EQ(to_bfloat16(float_of(0x3f807fff)).bits, 0x3f80);
  EXPECT_EQ(to_bfloat16(float_of(0x3f808000)).bits, 0x3f80);
  EXPECT_EQ(to_bfloat16(float_of(0x3f808001)).bits, 0x3f81);
  EXPECT_EQ(to_bfloat16(float_of(0x3f817fff)).bits, 0x3f81);
  EXPECT_EQ(to_bfloat16(float_of(0x3f818000)).bits, 0x3f82);
  EXPECT_EQ(to_bfloat16(float_of(0xbf818000)).bits, 0xbf82);
  // A carry into the exponent, into infinity, and subnormals.
  EXPECT_EQ(to_bfloat16(float_of(0x3fffffff)).bits, 0x4000);
  EXPECT_EQ(to_bfloat16(std::numeric_limits<float>::max()).bits, 0x7f80);
  EXPECT_EQ(to_bfloat16(std::numeric_limits<float>::infinity()).bits, 0x7f80);
  EXPECT_EQ(to_bfloat16(-std::numeric_limits<float>::infinity()).bits, 0xff80);
  EXPECT_EQ(to_bfloat16(float_of(0x00008000)).bits, 0x0000);
  EXPECT_EQ(to_bfloat16(float_of(0x00008001)).bits, 0x0001);
}

TEST(BFloat16, NanStaysNan) {
  // The payload of these lies in the lower half: dropping it would leave an infinity.
  for (const std::uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xff800001u, 0xffffffffu, 0x7fc00000u}) {
    EXPECT_TRUE(std::isnan(to_float(to_bfloat16(float_of(bits))))) << std::hex << bits;
  }
}

TEST(BFloat16, WideningIsExactAndRoundingUndoesIt) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const BFloat16 x{static_cast<std::uint16_t>(bits)};
    ASSERT_EQ(bits_of(to_float(x)), bits << 16);
    ASSERT_TRUE(std::isnan(to_float(x)) || to_bfloat16(to_float(x)).bits == bits);
  }
}

TEST(BFloat16, NoNeighbourIsNearer) {
  std::mt19937 random(7);
  for (int i = 0; i < 100000; ++i) {
    const float x = float_of(static_cast<std::uint32_t>(random()));
    if (!std::isfinite(x) || std::abs(x) > 3e38f) continue;
    const BFloat16 y = to_bfloat16(x);
    const auto distance = [&](int step) {
      return std::abs(double{to_float(BFloat16{static_cast<std::uint16_t>(y.bits + step)})} - double{x});
    };
    if ((y.bits & 0x7fff) == 0) continue;  // the neighbour below has the other sign
    ASSERT_LE(distance(0), distance(1)) << x;
    ASSERT_LE(distance(0), distance(-1)) << x;
  }
}

TEST(Float16, EveryValue) {
  for (std::uint32_t bits = 0; bits <= 0xffff; ++bits) {
    const float x = to_float(Float16{static_cast<std::uint16_t>(bits)});
    const int exponent = static_cast<int>((bits >> 10) & 31);
    const double fraction = static_cast<double>(bits & 1023) / 1024;
    const double sign = (bits & 0x8000) != 0 ? -1 : 1;
    ASSERT_EQ(std::signbit(x), sign < 0);
    if (exponent == 31) {
      ASSERT_EQ(std::isnan(x), fraction != 0);
      ASSERT_EQ(std::isinf(x), fraction == 0);
    } else if (exponent == 0) {
      ASSERT_EQ(double{x}, sign * std::ldexp(fraction, -14));
    } else {
      ASSERT_EQ(double{x}, sign * std::ldexp(1 + fraction, exponent - 15));
    }
  }
}

}  // namespace
}  // namespace rerank
