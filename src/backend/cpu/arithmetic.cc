#include "backend/cpu/arithmetic.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>
#include <vector>

#include "backend/cpu/row_tiles.h"
#include "base/memory_block.h"
#include "rerank/error.h"

namespace rerank::cpu {
namespace {

bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
}

bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
}

bool has_avx512_bfloat16() {
  return has_avx512() && __builtin_cpu_supports("avx512bf16");
}

// The processor's name as /proc/cpuinfo gives it.
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(':') + 2));
  }
  return "unknown processor";
}

struct Measured {
  double bfloat16 = 0;  // GFLOP/s of a thread
  double float32 = 0;
};

// One line: "GFLOPS GFLOPS processor name"; another processor's line does not count.
std::string choice_file(const std::string& cache_directory) {
  return cache_directory + "/arithmetic";
}

bool read_choice(const std::string& cache_directory, Measured& measured) {
  std::ifstream file(choice_file(cache_directory));
  std::string name;
  return file >> measured.bfloat16 >> measured.float32 && std::getline(file >> std::ws, name) &&
         name == processor_name() && measured.bfloat16 > 0 && measured.float32 > 0;
}

void keep_choice(const std::string& cache_directory, const Measured& measured) {
  std::error_code ignored;
  std::filesystem::create_directories(cache_directory, ignored);
  const std::string temporary = fmt::format("{}.{}", choice_file(cache_directory), ::getpid());
  std::ofstream file(temporary);
  file << fmt::format("{:.1f} {:.1f} {}\n", measured.bfloat16, measured.float32, processor_name());
  file.close();
  // Without it the next start measures again: nothing to tell anybody.
  if (file) std::filesystem::rename(temporary, choice_file(cache_directory), ignored);
  if (!file || ignored) std::filesystem::remove(temporary, ignored);
}

KernelChoice choose_faster(const std::string& cache_directory) {
  Measured measured;
  const bool kept = !cache_directory.empty() && read_choice(cache_directory, measured);
  if (!kept) {
    measured = {measure_gemm(kAvx512BFloat16), measure_gemm(kAvx512Float32)};
    if (!cache_directory.empty()) keep_choice(cache_directory, measured);
  }
  return {measured.bfloat16 >= measured.float32 ? &kAvx512BFloat16 : &kAvx512Float32,
          fmt::format("{}: bfloat16 {:.0f}, float32 {:.0f} GFLOP/s a thread",
                      kept ? "measured at an earlier start" : "measured now", measured.bfloat16,
                      measured.float32)};
}

}  // namespace

double measure_gemm(const Kernels& kernels) {
  // A block of rows and panels of the size that a forward gives a thread.
  constexpr std::int32_t kTiles = 8, kPanels = 16, kInputs = 1024;
  const std::int32_t rows = kTiles * kernels.tile_rows;
  const MemoryBlock row_memory(row_tiles_bytes(kernels, rows, kInputs));
  const MemoryBlock panel_memory(std::size_t{kPanels} * kPanelColumns * kInputs * 2);
  const MemoryBlock out_memory(static_cast<std::size_t>(rows) * kPanels * kPanelColumns * 4);
  const RowTiles tiles{row_memory.data(), kInputs};
  std::vector<float> row(kInputs);
  for (std::int32_t i = 0; i < kInputs; ++i)
    row[static_cast<std::size_t>(i)] = 0.01f * static_cast<float>(i % 97 - 48);
  for (std::int32_t r = 0; r < rows; ++r) kernels.pack_row(row.data(), tiles, r);
  auto* weights = panel_memory.as<std::uint16_t>();
  for (std::int32_t i = 0; i < kPanels * kPanelColumns * kInputs; ++i) {
    weights[i] = to_bfloat16(0.01f * static_cast<float>(i % 89 - 44)).bits;
  }
  GemmTask task{.rows = tiles,
                .num_rows = rows,
                .end_tile = kTiles,
                .panels = panel_memory.data(),
                .end_panel = kPanels,
                .out = out_memory.as<float>(),
                .out_stride = kPanels * kPanelColumns};
  double best = 0;
  for (int run = 0; run < 6; ++run) {
    const auto begin = std::chrono::steady_clock::now();
    kernels.gemm(task);
    const std::chrono::duration<double> taken = std::chrono::steady_clock::now() - begin;
    best = std::max(best, 2e-9 * rows * kPanels * kPanelColumns * kInputs / taken.count());
  }
  return best;
}

KernelChoice choose_kernels(const BackendOptions& options, DataType checkpoint) {
  const std::string& set = options.instruction_set;
  const std::string& dtype = options.dtype;
  require(set == "auto" || set == "avx2" || set == "avx512",
          fmt::format("--instruction-set {}: choose auto, avx512 or avx2", set));
  require(dtype == "auto" || dtype == "bfloat16" || dtype == "float32",
          fmt::format("--dtype {}: choose auto, bfloat16 or float32", dtype));
  require(has_avx2(), "this processor lacks AVX2; --device reference runs on any processor, slowly",
          ErrorCode::kUnsupported);
  require(set != "avx512" || has_avx512(),
          "--instruction-set avx512: this processor lacks AVX-512 (F, BW, DQ, VL)", ErrorCode::kUnsupported);
  const bool can_bfloat16 = has_avx512_bfloat16() && set != "avx2";
  if (dtype == "bfloat16") {
    require(can_bfloat16,
            "--dtype bfloat16 needs AVX-512 BF16; --dtype float32 computes a bfloat16 checkpoint exactly",
            ErrorCode::kUnsupported);
    return {&kAvx512BFloat16, "asked for"};
  }
  const Kernels* float32 = has_avx512() && set != "avx2" ? &kAvx512Float32 : &kAvx2Float32;
  if (dtype == "float32") return {float32, "asked for"};
  if (checkpoint != DataType::kBFloat16)
    return {float32, fmt::format("the checkpoint is {}", to_string(checkpoint))};
  if (!can_bfloat16) return {float32, "no AVX-512 BF16 to use"};
  return choose_faster(options.cache_directory);
}

}  // namespace rerank::cpu
