// The kernels for AMX: bfloat16 arithmetic in tiles, summed in float32. Compiled with -mamx-tile -mamx-bf16
// in addition to AVX-512 BF16.
#include "backend/cpu/amx/simd_amx.h"
#include "backend/cpu/kernel_set.inl.h"
#include "backend/cpu/processor.h"

namespace rerank::cpu {
namespace {

// bfloat16 weights [k / 2][32][2], which are two tiles, and row tiles.
struct BFloat16Numbers {
  using Tiles = TilesOf<Amx, Bits16>;
  using Out = Tiles;
  using Sum = float;

  static int num_steps(std::int32_t k) { return k / 32; }
  static std::int64_t panel_bytes(std::int32_t k) { return std::int64_t{k} * kPanelColumns * 2; }
  template <int Halves>
  static void add_products(const std::byte* rows, std::int64_t stride, const std::byte* panel) {
    cpu::add_products<Halves>(rows, stride, panel);
  }
  template <class Finish>
  static void finish(const GemmTask& task, const float* sums, int rows, int row, int panel) {
    Finish::finish(task, sums, rows, row, panel);
  }
};

}  // namespace

const Kernels kAmxBFloat16 =
    kernel_set<Amx, AmxGemm<BFloat16Numbers>, AmxAttend>("amx", kBFloat16, &has_amx_bfloat16);

}  // namespace rerank::cpu
