#include "cpu_limits.h"

#include <immintrin.h>

#include <chrono>

namespace rerank::benchmarks {
namespace {

// More independent sums than latency times units, in registers.
constexpr int kSums = 24;
constexpr long kRounds = 3'000'000;

__attribute__((noinline)) void bfloat16_rounds() {
  __m512 sums[kSums];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  const __m512bh x = (__m512bh)_mm512_set1_epi32(0x3f803f80);
  for (long i = 0; i < kRounds; ++i) {
#pragma GCC unroll 24
    for (int j = 0; j < kSums; ++j) sums[j] = _mm512_dpbf16_ps(sums[j], x, x);
  }
  for (__m512& sum : sums) asm volatile("" ::"v"(sum));
}

__attribute__((noinline)) void float32_rounds() {
  __m512 sums[kSums];
  for (__m512& sum : sums) sum = _mm512_setzero_ps();
  const __m512 x = _mm512_set1_ps(1e-9f);
  for (long i = 0; i < kRounds; ++i) {
#pragma GCC unroll 24
    for (int j = 0; j < kSums; ++j) sums[j] = _mm512_fmadd_ps(x, x, sums[j]);
  }
  for (__m512& sum : sums) asm volatile("" ::"v"(sum));
}

__attribute__((noinline)) void int8_rounds() {
  __m512i sums[kSums];
  for (__m512i& sum : sums) sum = _mm512_setzero_si512();
  const __m512i x = _mm512_set1_epi32(0x01010101);
  for (long i = 0; i < kRounds; ++i) {
#pragma GCC unroll 24
    for (int j = 0; j < kSums; ++j) sums[j] = _mm512_dpbusd_epi32(sums[j], x, x);
  }
  for (__m512i& sum : sums) asm volatile("" ::"v"(sum));
}

double gflops(ThreadPool& pool, void (*rounds)(), double flop_of_instruction) {
  const auto begin = std::chrono::steady_clock::now();
  pool.parallel_for(pool.num_threads(), [&](std::int64_t, int) { rounds(); });
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  return flop_of_instruction * kSums * kRounds * pool.num_threads() / taken.count() * 1e-9;
}

}  // namespace

RegisterPeaks measure_register_peaks(ThreadPool& pool) {
  RegisterPeaks peaks;
  if (__builtin_cpu_supports("avx512bf16")) peaks.bfloat16 = gflops(pool, &bfloat16_rounds, 64);
  if (__builtin_cpu_supports("avx512f")) peaks.float32 = gflops(pool, &float32_rounds, 32);
  if (__builtin_cpu_supports("avx512vnni")) peaks.int8 = gflops(pool, &int8_rounds, 128);
  return peaks;
}

}  // namespace rerank::benchmarks
