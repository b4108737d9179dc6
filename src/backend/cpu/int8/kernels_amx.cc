// The kernels of quantized layers for AMX: bytes in tiles, summed in int32; attention in bfloat16. Compiled
// with -mamx-int8 -mavx512vnni in addition to AMX and AVX-512 BF16.
#include "backend/cpu/amx/byte_products.h"
#include "backend/cpu/amx/simd_amx.h"
#include "backend/cpu/int8/bytes_avx512.h"
#include "backend/cpu/int8/kernel_set.inl.h"
#include "backend/cpu/processor.h"

namespace rerank::cpu {
namespace {

// [k / 64][32 rows][64], then [32] scales. What a row lacks of whole steps is multiplied by weights of 0.
struct BlockedInt8Tiles {
  static constexpr int kStepValues = 64;  // of k, in a product of tiles

  static int num_steps(std::int32_t k) { return (k + kStepValues - 1) / kStepValues; }
  static std::int64_t values_bytes(std::int32_t k) { return std::int64_t{num_steps(k)} * kAmxStepBytes; }
  static std::int64_t tile_bytes(std::int32_t k) { return values_bytes(k) + 4 * Amx::kTileRows; }
  static std::byte* tile(RowTiles tiles, int row) {
    return tiles.data + row / Amx::kTileRows * tile_bytes(tiles.k);
  }
  static float* scales(RowTiles tiles, int row) {
    return reinterpret_cast<float*>(tile(tiles, row) + values_bytes(tiles.k)) + row % Amx::kTileRows;
  }
  static void store(RowTiles tiles, int row, int column, const std::byte* steps) {
    __builtin_memcpy(tile(tiles, row) + column / kStepValues * kAmxStepBytes +
                         row % Amx::kTileRows * kStepValues + column % kStepValues,
                     steps, 16);
  }
};

// int8 weights [k / 4][32][4], which are two tiles, and quantized row tiles.
struct Int8Numbers {
  using Tiles = BlockedInt8Tiles;
  using Out = StagedRows<Amx, Bits16>;
  using Sum = std::int32_t;

  static int num_steps(std::int32_t k) { return Tiles::num_steps(k); }
  static std::int64_t panel_bytes(std::int32_t k) { return static_cast<std::int64_t>(int8_panel_bytes(k)); }
  template <int Halves>
  static void add_products(const std::byte* rows, std::int64_t stride, const std::byte* panel) {
    add_byte_products<Halves>(rows, stride, panel);
  }
  template <class Finish>
  static void finish(const GemmTask& task, const std::int32_t* sums, int rows, int row, int panel) {
    alignas(64) float scaled[Amx::kTileRows * kPanelColumns];
    const std::int32_t k = task.rows.k;
    scale_sums<Amx, Avx512Bytes>(sums, Tiles::scales(task.rows, row),
                                 task.panels + panel * panel_bytes(k) + int8_values_bytes(k), rows, scaled);
    Finish::finish(task, scaled, rows, row, panel);
  }
};

}  // namespace

const Kernels kAmxInt8 = int8_kernel_set<Amx, Avx512Bytes, AmxGemm<Int8Numbers>, AmxAttend>(
    "amx", Format::kBFloat16, &has_amx_int8);

}  // namespace rerank::cpu
