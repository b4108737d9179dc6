#include "backend/cpu/gemm.h"

#include <algorithm>

#include "backend/cpu/row_tiles.h"

namespace rerank::cpu {
namespace {

constexpr std::int32_t kMaxPanelsOfTask = 16;
constexpr std::int32_t kTasksOfThread = 4;  // at least, so that threads finish together

}  // namespace

// The outer loop is over runs of panels, so that weights are read from memory once and used for all blocks of
// rows.
void run_gemm(ThreadPool& pool, const Kernels& kernels, const GemmTask& task) {
  const std::int32_t tiles = num_tiles(kernels, task.num_rows);
  const std::int64_t tile_values = std::int64_t{kernels.tile_rows} * task.rows.k;
  const auto most =
      static_cast<std::int32_t>(std::max<std::int64_t>(1, kernels.row_block_values / tile_values));
  const std::int32_t row_blocks = ceil_divide(tiles, most);
  const std::int32_t panels = task.end_panel - task.first_panel;
  const std::int32_t panels_of_task =
      std::clamp(panels * row_blocks / (kTasksOfThread * pool.num_threads()), 1, kMaxPanelsOfTask);
  const std::int32_t panel_runs = ceil_divide(panels, panels_of_task);
  pool.parallel_for(std::int64_t{panel_runs} * row_blocks, [&](std::int64_t index, int) {
    const auto run = static_cast<std::int32_t>(index / row_blocks);
    const auto block = static_cast<std::int32_t>(index % row_blocks);
    GemmTask part = task;
    part.first_tile = static_cast<std::int32_t>(std::int64_t{tiles} * block / row_blocks);
    part.end_tile = static_cast<std::int32_t>(std::int64_t{tiles} * (block + 1) / row_blocks);
    part.first_panel = task.first_panel + run * panels_of_task;
    part.end_panel = std::min(part.first_panel + panels_of_task, task.end_panel);
    kernels.gemm(part);
  });
}

}  // namespace rerank::cpu
