// Tiles of AMX: eight registers of 16 rows of 64 bytes, with one product of two tiles as the only operation.
// Included only by files compiled for it.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace rerank::cpu {
namespace {

inline constexpr int kAmxRows = 16;
inline constexpr int kAmxRowBytes = 64;

struct alignas(64) AmxConfiguration {
  std::uint8_t palette = 1;
  std::uint8_t start_row = 0;
  std::uint8_t reserved[14] = {};
  std::uint16_t row_bytes[16] = {};
  std::uint8_t rows[16] = {};
};

constexpr AmxConfiguration whole_tiles() {
  AmxConfiguration configuration;
  for (int tile = 0; tile < 8; ++tile) {
    configuration.row_bytes[tile] = kAmxRowBytes;
    configuration.rows[tile] = kAmxRows;
  }
  return configuration;
}
inline constexpr AmxConfiguration kWholeTiles = whole_tiles();

// While it lives, every tile of this thread has 16 rows of 64 bytes.
class AmxTiles {
 public:
  AmxTiles() { _tile_loadconfig(&kWholeTiles); }
  ~AmxTiles() { _tile_release(); }
  AmxTiles(const AmxTiles&) = delete;
  AmxTiles& operator=(const AmxTiles&) = delete;
};

// g++'s tile loads do not tell it that they read memory.
inline void finish_stores() {
  asm volatile("" ::: "memory");
}

// In the products below, tiles 0 and 1 are rows, 2 and 3 weights, 4 to 7 sums: [rows / 16][columns / 16].
inline constexpr int kSumsStride = 32 * 4;  // bytes between rows of 32 sums

template <int Halves>
inline void zero_sums() {
  _tile_zero(4);
  _tile_zero(5);
  if constexpr (Halves == 2) {
    _tile_zero(6);
    _tile_zero(7);
  }
}

template <int Halves>
inline void store_sums(void* sums, std::int64_t stride) {
  auto* to = static_cast<std::byte*>(sums);
  _tile_stored(4, to, stride);
  _tile_stored(5, to + 64, stride);
  if constexpr (Halves == 2) {
    auto* below = to + kAmxRows * stride;
    _tile_stored(6, below, stride);
    _tile_stored(7, below + 64, stride);
  }
}

// Adds the products of 32 values of k: of 16 * Halves rows, `stride` bytes apart, and of 32 columns of a
// panel [16][32][2].
template <int Halves>
inline void add_products(const std::byte* rows, std::int64_t stride, const std::byte* panel) {
  constexpr std::int64_t kPanelStride = 128;
  _tile_loadd(2, panel, kPanelStride);
  _tile_loadd(3, panel + 64, kPanelStride);
  _tile_loadd(0, rows, stride);
  _tile_dpbf16ps(4, 0, 2);
  _tile_dpbf16ps(5, 0, 3);
  if constexpr (Halves == 2) {
    _tile_loadd(1, rows + kAmxRows * stride, stride);
    _tile_dpbf16ps(6, 1, 2);
    _tile_dpbf16ps(7, 1, 3);
  }
}

}  // namespace
}  // namespace rerank::cpu
