// Products of bytes in tiles, summed in int32. Apart from amx_tiles.h, since it is compiled with -mamx-int8
// too.
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/amx/amx_tiles.h"

namespace rerank::cpu {
namespace {

// What add_products of amx_tiles.h does, for 64 values of k, of unsigned bytes times bytes: a panel
// [16][32][4].
template <int Halves>
inline void add_byte_products(const std::byte* rows, std::int64_t stride, const std::byte* panel) {
  constexpr std::int64_t kPanelStride = 128;
  _tile_loadd(2, panel, kPanelStride);
  _tile_loadd(3, panel + 64, kPanelStride);
  _tile_loadd(0, rows, stride);
  _tile_dpbusd(4, 0, 2);
  _tile_dpbusd(5, 0, 3);
  if constexpr (Halves == 2) {
    _tile_loadd(1, rows + kAmxRows * stride, stride);
    _tile_dpbusd(6, 1, 2);
    _tile_dpbusd(7, 1, 3);
  }
}

}  // namespace
}  // namespace rerank::cpu
