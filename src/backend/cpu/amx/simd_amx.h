// Row tiles, products and attention on AMX. Included only by files compiled for it.
#pragma once

#include "backend/cpu/amx/amx_tiles.h"
#include "backend/cpu/prompt_attention.inl.h"
#include "backend/cpu/simd_avx512_bf16.h"

namespace rerank::cpu {
namespace {

// [k / 32][32 rows][32]: the 32 values of k that a tile holds are 64 consecutive bytes.
template <class V, class Row>
struct BlockedTiles {
  static constexpr int kColumns = kAmxRowBytes / static_cast<int>(sizeof(Row));

  static std::int64_t index(std::int32_t k, int row, std::int64_t column) {
    return std::int64_t{row / V::kTileRows} * k * V::kTileRows +
           (column / kColumns * V::kTileRows + row % V::kTileRows) * kColumns + column % kColumns;
  }

  static std::int64_t tile_bytes(std::int32_t k) {
    return std::int64_t{k} * V::kTileRows * static_cast<std::int64_t>(sizeof(Row));
  }

  static void store(RowTiles tiles, int row, int column, typename V::Vec x) {
    V::store_bfloat16(reinterpret_cast<Row*>(tiles.data) + index(tiles.k, row, column), x);
  }

  // Columns of 16 are the end of a head of 16, 48, ...
  template <int Columns, class Values>
  static void store_block(RowTiles tiles, int row, int rows, int column, const Values& values) {
    static_assert(V::kWidth == 16 && (Columns == 16 || Columns == kColumns));
    if (Columns == kColumns && column % kColumns == 0) {
      Row* to = reinterpret_cast<Row*>(tiles.data) + index(tiles.k, row, column);
      for (int r = 0; r < rows; ++r)
        _mm512_storeu_si512(to + r * kColumns, V::pairs(values(r, 0), values(r, Columns - 16)));
    } else {
      for (int r = 0; r < rows; ++r) {
        for (int c = 0; c < Columns; c += 16) store(tiles, row + r, column + c, values(r, c));
      }
    }
  }
};

struct Amx : Avx512BFloat16 {
  template <class V, class Row>
  using Tiles = BlockedTiles<V, Row>;
  static constexpr int kTileRows = 32;
  static constexpr std::int64_t kRowBlockValues = 512 << 10;  // 1 MiB of 2 MiB
};

// Of a row tile or a panel: 64 bytes of consecutive k for each row or column.
constexpr int kAmxStepBytes = 32 * kAmxRowBytes;

// A core multiplies tiles beside its other work if both are close together in the program: the sums of a
// block are finished row by row between the products of the next one, and the next panel is fetched from
// memory at the same time. `Numbers` are the formats of rows, weights and sums.
template <class Numbers, class Finish>
class AmxProduct {
 public:
  explicit AmxProduct(const GemmTask& task)
      : task_(task),
        steps_(Numbers::num_steps(task.rows.k)),
        tile_bytes_(Numbers::Tiles::tile_bytes(task.rows.k)),
        panel_bytes_(Numbers::panel_bytes(task.rows.k)) {}

  void run() {
    const int num_tiles = task_.end_tile - task_.first_tile;
    lines_of_step_ = (kAmxStepBytes / 64 + num_tiles - 1) / num_tiles;
    rows_of_step_ = (Amx::kTileRows + steps_ - 1) / steps_;
    for (int panel = task_.first_panel; panel < task_.end_panel; ++panel) {
      ahead_ = task_.panels + (panel + 1) * panel_bytes_;
      for (int tile = task_.first_tile; tile < task_.end_tile; ++tile) {
        const int left = task_.num_rows - tile * Amx::kTileRows;
        left > kAmxRows ? multiply<2>(tile, panel) : multiply<1>(tile, panel);
        while (finished_ < finishing_.rows) finish_rows();
        finishing_ = {tile * Amx::kTileRows, left < Amx::kTileRows ? left : Amx::kTileRows, panel};
        finished_ = 0;
        Finish::prefetch(task_, finishing_.rows, finishing_.row, panel);
        store_sums<2>(sums_, kSumsStride);
      }
    }
    while (finished_ < finishing_.rows) finish_rows();
  }

 private:
  struct Block {
    int row = 0;
    int rows = 0;
    int panel = 0;
  };

  template <int Halves>
  void multiply(int tile, int panel) {
    const std::byte* rows = task_.rows.data + tile * tile_bytes_;
    const std::byte* weights = task_.panels + panel * panel_bytes_;
    zero_sums<Halves>();
    for (int step = 0; step < steps_; ++step) {
      Numbers::template add_products<Halves>(rows + step * kAmxStepBytes, kAmxRowBytes,
                                             weights + step * kAmxStepBytes);
      for (int i = 0; i < lines_of_step_; ++i, ahead_ += 64) _mm_prefetch(ahead_, _MM_HINT_T1);
      if (finished_ < finishing_.rows) finish_rows();
    }
  }

  void finish_rows() {
    const int left = finishing_.rows - finished_;
    const int rows = left < rows_of_step_ ? left : rows_of_step_;
    Numbers::template finish<Finish>(task_, sums_ + finished_ * kPanelColumns, rows,
                                     finishing_.row + finished_, finishing_.panel);
    finished_ += rows;
  }

  const GemmTask& task_;
  const int steps_;
  const std::int64_t tile_bytes_;
  const std::int64_t panel_bytes_;
  int lines_of_step_ = 0;             // of the next panel
  int rows_of_step_ = 0;              // that are finished
  const std::byte* ahead_ = nullptr;  // in the next panel
  Block finishing_;
  int finished_ = 0;  // rows
  alignas(64) typename Numbers::Sum sums_[Amx::kTileRows * kPanelColumns];
};

// A GEMM as kernel_set.inl.h takes it.
template <class Numbers>
struct AmxGemm {
  using Tiles = typename Numbers::Tiles;
  using Out = typename Numbers::Out;

  template <class Finish>
  static void run(const GemmTask& task) {
    const AmxTiles tiles;
    finish_stores();
    AmxProduct<Numbers, Finish>(task).run();
  }
};

// Products in tiles for attention, whose rows are apart.
struct AmxAttend : BFloat16Operands {
  static constexpr int kStepValues = 32;  // of k, in a product of tiles
  static constexpr bool kCausal = true;
  static constexpr int kDepth = kStepValues;
  using Setup = AmxTiles;

  static void multiply(int rows, const Bits16* from, const std::byte* panel, int k, float* out,
                       int out_stride) {
    rows > kAmxRows ? multiply_halves<2>(from, panel, k, out, out_stride)
                    : multiply_halves<1>(from, panel, k, out, out_stride);
  }

  template <int Halves>
  static void multiply_halves(const Bits16* from, const std::byte* panel, int k, float* out, int out_stride) {
    const auto* rows = reinterpret_cast<const std::byte*>(from);
    finish_stores();
    zero_sums<Halves>();
    for (int i = 0; i < k; i += kStepValues)
      add_products<Halves>(rows + 2 * i, kTileStride * 2, panel + i / kStepValues * kAmxStepBytes);
    store_sums<Halves>(out, out_stride * 4);
  }
};

}  // namespace
}  // namespace rerank::cpu
