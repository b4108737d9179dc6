// The CPU backend's GEMMs beside oneDNN's with prepacked weights and the processor's register peaks, in one
// run, on the shapes of the 0.6B model: gemm_cpu [THREADS] [ROWS]
#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <random>
#include <vector>

#include "backend/cpu/arithmetic.h"
#include "backend/cpu/gemm.h"
#include "backend/cpu/int8/panel.h"
#include "backend/cpu/panel_packing.h"
#include "backend/cpu/row_tiles.h"
#include "base/memory_block.h"
#include "cpu_limits.h"
#include "oneapi/dnnl/dnnl.hpp"

namespace rerank::benchmarks {
namespace {

constexpr int kRuns = 15;

double median_seconds(const std::function<void()>& run) {
  std::vector<double> seconds;
  run();
  for (int i = 0; i < kRuns; ++i) {
    const auto begin = std::chrono::steady_clock::now();
    run();
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
  std::ranges::sort(seconds);
  return seconds[kRuns / 2];
}

struct Problem {
  std::int32_t rows, outputs, inputs;
  std::vector<float> x;           // [rows, inputs]
  std::vector<BFloat16> weights;  // [outputs, inputs]

  Problem(std::int32_t m, std::int32_t n, std::int32_t k) : rows(m), outputs(n), inputs(k) {
    std::mt19937 random(1);
    std::uniform_real_distribution<float> uniform(-1, 1);
    x.resize(static_cast<std::size_t>(m) * static_cast<std::size_t>(k));
    weights.resize(static_cast<std::size_t>(n) * static_cast<std::size_t>(k));
    for (float& v : x) v = uniform(random);
    for (BFloat16& v : weights) v = to_bfloat16(uniform(random));
  }
  double gflop() const { return 2e-9 * rows * outputs * inputs; }
};

double ours(const Problem& p, const cpu::Kernels& kernels, ThreadPool& pool) {
  const MemoryBlock rows(cpu::row_tiles_bytes(kernels, p.rows, p.inputs));
  const cpu::RowTiles tiles{rows.data(), p.inputs};
  for (std::int32_t r = 0; r < p.rows; ++r)
    kernels.pack_row(p.x.data() + std::int64_t{r} * p.inputs, tiles, r);
  const std::int32_t num_panels = p.outputs / cpu::kPanelColumns;
  const cpu::Format format = kernels.arithmetic.weights;
  const std::size_t panel = cpu::panel_bytes(p.inputs, format);
  const MemoryBlock panels(static_cast<std::size_t>(num_panels) * panel);
  for (std::int32_t i = 0; i < num_panels; ++i) {
    cpu::PanelRows from{.rows = {}, .type = DataType::kBFloat16};
    for (int c = 0; c < cpu::kPanelColumns; ++c) {
      from.rows[c] = reinterpret_cast<const std::byte*>(p.weights.data() +
                                                        std::int64_t{i * cpu::kPanelColumns + c} * p.inputs);
    }
    std::byte* to = panels.data() + static_cast<std::size_t>(i) * panel;
    format == cpu::Format::kInt8 ? cpu::pack_int8_panel(from, p.inputs, p.inputs, {}, to)
                                 : cpu::pack_panel(from, p.inputs, p.inputs, format, to);
  }
  const MemoryBlock out(static_cast<std::size_t>(p.rows) * static_cast<std::size_t>(p.outputs) * 4);
  const cpu::GemmTask task{.rows = tiles,
                           .num_rows = p.rows,
                           .panels = panels.data(),
                           .end_panel = num_panels,
                           .out = out.as<float>(),
                           .out_stride = p.outputs};
  return p.gflop() / median_seconds([&] { cpu::run_gemm(pool, kernels, task); });
}

using Type = dnnl::memory::data_type;

// Writes values as numbers of a type; for bytes any will do.
template <typename From>
void fill(const dnnl::memory& to, Type type, const std::vector<From>& values) {
  void* at = to.get_data_handle();
  for (std::size_t i = 0; i < values.size(); ++i) {
    const float value = to_float(values[i]);
    if (type == Type::bf16) static_cast<BFloat16*>(at)[i] = to_bfloat16(value);
    if (type == Type::f32) static_cast<float*>(at)[i] = value;
    if (type == Type::s8 || type == Type::u8)
      static_cast<std::int8_t*>(at)[i] = static_cast<std::int8_t>(50 * value);
  }
}

double onednn(const Problem& p, Type rows_type, Type weights_type, Type out_type, int threads) {
  using dnnl::memory;
  omp_set_num_threads(threads);
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  const memory::desc x_desc({p.rows, p.inputs}, rows_type, memory::format_tag::ab);
  const memory::desc any({p.inputs, p.outputs}, weights_type, memory::format_tag::any);
  const memory::desc out_desc({p.rows, p.outputs}, out_type, memory::format_tag::ab);
  const dnnl::matmul::primitive_desc desc(dnnl::matmul::desc(x_desc, any, out_desc), engine);
  const dnnl::matmul matmul(desc);
  memory x(x_desc, engine), plain({{p.inputs, p.outputs}, weights_type, memory::format_tag::ba}, engine);
  memory packed(desc.weights_desc(), engine), out(out_desc, engine);
  fill(x, rows_type, p.x);
  fill(plain, weights_type, p.weights);
  dnnl::reorder(plain, packed).execute(stream, plain, packed);
  stream.wait();
  return p.gflop() / median_seconds([&] {
           matmul.execute(stream, {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, packed}, {DNNL_ARG_DST, out}});
           stream.wait();
         });
}

// Ours and oneDNN's: int8 with scales and float32 results here, bare int32 sums there.
struct Competition {
  const char* name;
  const cpu::Kernels* kernels;  // nullptr: not on this processor
  Type rows, weights, out;
};

std::vector<Competition> competitions() {
  const cpu::Kernels* bfloat16 = cpu::find_kernels("auto", cpu::kBFloat16);
  const cpu::Kernels* int8 = cpu::find_kernels("auto", cpu::int8_with(cpu::Format::kBFloat16));
  if (int8 == nullptr) int8 = cpu::find_kernels("auto", cpu::int8_with(cpu::Format::kFloat32));
  return {{"bfloat16", bfloat16, Type::bf16, Type::bf16, Type::f32},
          {"float32", cpu::find_kernels("auto", cpu::kFloat32OfBFloat16), Type::f32, Type::f32, Type::f32},
          {"int8", int8, Type::u8, Type::s8, Type::s32}};
}

void print_table(int threads, std::int32_t rows) {
  ThreadPool pool(threads);
  const Peaks peaks = measure_peaks(pool);
  fmt::print("{} threads, {} rows; GFLOP/s, medians of {}\n", threads, rows, kRuns);
  fmt::print(
      "peaks of vector registers: bfloat16 {:.0f}, float32 {:.0f}, int8 {:.0f}; of tiles from L1: "
      "bfloat16 {:.0f}, int8 {:.0f}\n\n",
      peaks.bfloat16, peaks.float32, peaks.int8, peaks.tile_bfloat16, peaks.tile_int8);
  const std::vector<Competition> all = competitions();
  fmt::print("{:>18}", "outputs x inputs");
  for (const Competition& c : all)
    fmt::print("  {:>8} {:>8} {:>6} {:>8}", c.name, "oneDNN", "ratio", "of peak");
  fmt::print("\n");
  constexpr std::int32_t kShapes[][2] = {{4096, 1024}, {1024, 2048}, {6144, 1024}, {1024, 3072}};
  for (const auto& shape : kShapes) {
    const Problem problem(rows, shape[0], shape[1]);
    fmt::print("{:>18}", fmt::format("{} x {}", shape[0], shape[1]));
    for (const Competition& c : all) {
      if (c.kernels == nullptr || peak_of(peaks, *c.kernels) == 0) {
        fmt::print("  {:>8} {:>8} {:>6} {:>8}", "-", "-", "-", "-");
        continue;
      }
      const double mine = ours(problem, *c.kernels, pool);
      const double theirs = onednn(problem, c.rows, c.weights, c.out, threads);
      fmt::print("  {:8.0f} {:8.0f} {:6.2f} {:7.0f}%", mine, theirs, mine / theirs,
                 100 * mine / peak_of(peaks, *c.kernels));
    }
    fmt::print("\n");
  }
}

}  // namespace
}  // namespace rerank::benchmarks

int main(int argc, char** argv) {
  const int threads = argc > 1 ? std::atoi(argv[1]) : rerank::ThreadPool::available_processors();
  rerank::benchmarks::print_table(std::max(1, threads), argc > 2 ? std::atoi(argv[2]) : 1024);
}
