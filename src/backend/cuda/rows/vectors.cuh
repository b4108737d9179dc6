// Eight values at a time: one 16-byte access of bfloat16, or 8 bytes of e4m3. For kernels only.
#pragma once

#include <cuda_bf16.h>
#include <cuda_fp8.h>

#include <cstdint>

#include "backend/transformer.h"

namespace rerank::cuda {

struct Vector8 {
  float values[8];
};

__device__ inline float low_half(std::uint32_t bits) {
  return __uint_as_float(bits << 16);
}
__device__ inline float high_half(std::uint32_t bits) {
  return __uint_as_float(bits & 0xffff0000u);
}
__device__ inline std::uint32_t pack_halves(float low, float high) {
  const __nv_bfloat162 packed = __floats2bfloat162_rn(low, high);
  return *reinterpret_cast<const std::uint32_t*>(&packed);
}

__device__ inline Vector8 unpack8(uint4 bits) {
  return {{low_half(bits.x), high_half(bits.x), low_half(bits.y), high_half(bits.y), low_half(bits.z),
           high_half(bits.z), low_half(bits.w), high_half(bits.w)}};
}
__device__ inline uint4 pack8(const Vector8& v) {
  return {pack_halves(v.values[0], v.values[1]), pack_halves(v.values[2], v.values[3]),
          pack_halves(v.values[4], v.values[5]), pack_halves(v.values[6], v.values[7])};
}
__device__ inline std::uint32_t pack_e4m3(float low, float high) {
  return __nv_cvt_float2_to_fp8x2({low, high}, __NV_SATFINITE, __NV_E4M3);
}
__device__ inline uint2 pack8_e4m3(const Vector8& v) {
  return {pack_e4m3(v.values[0], v.values[1]) | pack_e4m3(v.values[2], v.values[3]) << 16,
          pack_e4m3(v.values[4], v.values[5]) | pack_e4m3(v.values[6], v.values[7]) << 16};
}
__device__ inline Vector8 times8(Vector8 v, const Vector8& factors) {
#pragma unroll
  for (int e = 0; e < 8; ++e) v.values[e] *= factors.values[e];
  return v;
}
__device__ inline Vector8 scaled8(Vector8 v, float scale) {
#pragma unroll
  for (int e = 0; e < 8; ++e) v.values[e] *= scale;
  return v;
}
__device__ inline Vector8 plus8(Vector8 v, const Vector8& added) {
#pragma unroll
  for (int e = 0; e < 8; ++e) v.values[e] += added.values[e];
  return v;
}
__device__ inline Vector8 load8(const float* from) {
  const float4 a = *reinterpret_cast<const float4*>(from);
  const float4 b = *reinterpret_cast<const float4*>(from + 4);
  return {{a.x, a.y, a.z, a.w, b.x, b.y, b.z, b.w}};
}

// Transposes four values in each of four lanes, so that each lane has one of the four from all lanes.
__device__ inline uint4 transpose(const std::uint32_t (&x)[4]) {
  const int lane = threadIdx.x % 4;
  const bool odd = lane % 2 != 0, upper = lane >= 2;
  const std::uint32_t p = __shfl_xor_sync(0xffffffffu, odd ? x[0] : x[1], 1);
  const std::uint32_t q = __shfl_xor_sync(0xffffffffu, odd ? x[2] : x[3], 1);
  const uint2 first = odd ? uint2{p, x[1]} : uint2{x[0], p};
  const uint2 second = odd ? uint2{q, x[3]} : uint2{x[2], q};
  const std::uint32_t r = __shfl_xor_sync(0xffffffffu, upper ? first.x : second.x, 2);
  const std::uint32_t s = __shfl_xor_sync(0xffffffffu, upper ? first.y : second.y, 2);
  return upper ? uint4{r, s, second.x, second.y} : uint4{first.x, first.y, r, s};
}

// (cos, sin) of position * frequency, which is rounded to float32 as in Hugging Face; accurate to 1e-6.
__device__ inline float2 rotation_of(int position, float frequency) {
  constexpr float kCircle = 6.2831855f, kCircleRest = -1.7484555e-7f;  // together 2 pi
  const float angle = __fmul_rn(static_cast<float>(position), frequency);
  constexpr float kRounding = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer
  const float circles = fmaf(angle, 1.0f / kCircle, kRounding) - kRounding;
  const float rest = fmaf(-circles, kCircleRest, fmaf(-circles, kCircle, angle));
  return {__cosf(rest), __sinf(rest)};
}

constexpr float kLog2E = 1.4426950408889634f;

// 2^x; results below the smallest normal number are 0.
__device__ inline float power_of_two(float x) {
  float result;
  asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(result) : "f"(x));
  return result;
}

// x / 2 * (1 + erf(x / sqrt(2)))
__device__ inline float gelu(float x) {
  return 0.5f * x * (1.0f + erff(x * 0.70710678f));
}

template <MlpActivation Function>
__device__ inline Vector8 activated8(Vector8 x) {
  static_assert(Function == MlpActivation::kGelu);
#pragma unroll
  for (float& value : x.values) value = gelu(value);
  return x;
}

// activation(gate) * up, both multiplied by `scale` first. silu(x) = x / (1 + exp(-x)); gelu_tanh(x) is x /
// (1 + exp(-2 u)), u = sqrt(2 / pi) * (x + 0.044715 x^3), since (1 + tanh(u)) / 2 = 1 / (1 + exp(-2 u)).
template <MlpActivation Gate>
__device__ inline Vector8 gated8(const Vector8& gate, const Vector8& up, float scale) {
  const float exponent_scale = -kLog2E * scale, square = scale * scale;
  constexpr float kTwiceSqrt2OverPi = 1.5957691216057308f;
  Vector8 out;
#pragma unroll
  for (int e = 0; e < 8; ++e) {
    if constexpr (Gate == MlpActivation::kGelu) {
      out.values[e] = gelu(gate.values[e] * scale) * (up.values[e] * scale);
      continue;
    }
    float exponent = gate.values[e] * exponent_scale;
    if constexpr (Gate == MlpActivation::kGeluTanh) {
      const float x = gate.values[e] * scale;
      exponent *= kTwiceSqrt2OverPi * fmaf(0.044715f * x, x, 1.0f);
    }
    const float whole = 1.0f + power_of_two(exponent);
    out.values[e] = __fdividef(gate.values[e] * square, whole) * up.values[e];
  }
  return out;
}

}  // namespace rerank::cuda
