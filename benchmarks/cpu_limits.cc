#include "cpu_limits.h"

#include <immintrin.h>

#include <chrono>
#include <cstring>

#include "backend/cpu/amx/amx_tiles.h"
#include "backend/cpu/amx/byte_products.h"
#include "backend/cpu/processor.h"

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

// The rows and the panel of a block of sums, 8 KiB together, on random numbers: zeros would take less power.
constexpr std::int64_t kTileSteps = 2;
constexpr long kTileRounds = 400'000;
constexpr double kProductsOfStep = 4;

// The bits are bfloat16 of about 1, and bytes.
struct alignas(64) TileSteps {
  std::uint16_t values[kTileSteps * 32 * cpu::kAmxRowBytes / 2];

  explicit TileSteps(std::uint32_t state) {
    for (std::uint16_t& value : values) {
      state = state * 1664525 + 1013904223;
      value = static_cast<std::uint16_t>(0x3f00 | (state >> 16 & 0x80ff));
    }
  }
  const std::byte* at(std::int64_t step) const {
    return reinterpret_cast<const std::byte*>(values) + step * 32 * cpu::kAmxRowBytes;
  }
};

template <typename Multiply>
void tile_rounds(const Multiply& multiply) {
  const TileSteps rows(1), panel(2);
  alignas(64) float sums[32 * 32];
  const cpu::AmxTiles tiles;
  cpu::zero_sums<2>();
  cpu::finish_stores();
  for (long i = 0; i < kTileRounds / kTileSteps; ++i) {
    for (std::int64_t step = 0; step < kTileSteps; ++step) multiply(rows.at(step), panel.at(step));
  }
  cpu::store_sums<2>(sums, cpu::kSumsStride);
}

__attribute__((noinline)) void tile_bfloat16_rounds() {
  tile_rounds([](const std::byte* rows, const std::byte* panel) {
    cpu::add_products<2>(rows, cpu::kAmxRowBytes, panel);
  });
}

__attribute__((noinline)) void tile_int8_rounds() {
  tile_rounds([](const std::byte* rows, const std::byte* panel) {
    cpu::add_byte_products<2>(rows, cpu::kAmxRowBytes, panel);
  });
}

// `flop`: of one thread.
double gflops(ThreadPool& pool, void (*rounds)(), double flop) {
  const auto begin = std::chrono::steady_clock::now();
  pool.parallel_for(pool.num_threads(), [&](std::int64_t, int) { rounds(); });
  const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
  return flop * pool.num_threads() / taken.count() * 1e-9;
}

}  // namespace

Peaks measure_peaks(ThreadPool& pool) {
  constexpr double kInstructions = 1.0 * kSums * kRounds, kProducts = kProductsOfStep * kTileRounds;
  Peaks peaks;
  if (__builtin_cpu_supports("avx512bf16"))
    peaks.bfloat16 = gflops(pool, &bfloat16_rounds, 64 * kInstructions);
  if (__builtin_cpu_supports("avx512f")) peaks.float32 = gflops(pool, &float32_rounds, 32 * kInstructions);
  if (__builtin_cpu_supports("avx512vnni")) peaks.int8 = gflops(pool, &int8_rounds, 128 * kInstructions);
  constexpr double kFlopOfTile = 2.0 * 16 * 16 * 32;
  if (cpu::has_amx_bfloat16())
    peaks.tile_bfloat16 = gflops(pool, &tile_bfloat16_rounds, kFlopOfTile * kProducts);
  if (cpu::has_amx_int8()) peaks.tile_int8 = gflops(pool, &tile_int8_rounds, 2 * kFlopOfTile * kProducts);
  return peaks;
}

double peak_of(const Peaks& peaks, const cpu::Kernels& kernels) {
  const bool on_tiles = std::strcmp(kernels.instruction_set, "amx") == 0;
  switch (kernels.arithmetic.rows) {
    case cpu::Format::kInt8:
      return on_tiles ? peaks.tile_int8 : peaks.int8;
    case cpu::Format::kBFloat16:
      return on_tiles ? peaks.tile_bfloat16 : peaks.bfloat16;
    default:
      return peaks.float32;
  }
}

}  // namespace rerank::benchmarks
