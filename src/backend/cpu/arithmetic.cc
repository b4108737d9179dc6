#include "backend/cpu/arithmetic.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "backend/cpu/processor.h"
#include "backend/cpu/row_tiles.h"
#include "base/files/atomic_file.h"
#include "base/memory_block.h"
#include "rerank/error.h"

namespace rerank::cpu {
namespace {

// Wider instructions first.
const Kernels* const kTable[] = {&kAvx512BFloat16, &kAvx512Float32OfBFloat16, &kAvx512Float32,
                                 &kAvx2Float32OfBFloat16, &kAvx2Float32};

// The processor's name in /proc/cpuinfo.
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(':') + 2));
  }
  return "unknown processor";
}

// Contains one line: "GFLOPS GFLOPS processor name". The line of another processor is ignored.
std::string choice_file(const std::string& cache_directory) {
  return cache_directory + "/arithmetic";
}

bool read_choice(const std::string& cache_directory, GemmSpeeds& measured) {
  std::ifstream file(choice_file(cache_directory));
  std::string name;
  return file >> measured.bfloat16 >> measured.float32 && std::getline(file >> std::ws, name) &&
         name == processor_name() && measured.bfloat16 > 0 && measured.float32 > 0;
}

// Without the file the next start measures again, so a failure is not reported.
void keep_choice(const std::string& cache_directory, const GemmSpeeds& measured) {
  write_cache_file(choice_file(cache_directory),
                   fmt::format("{:.1f} {:.1f} {}\n", measured.bfloat16, measured.float32, processor_name()));
}

KernelChoice choose_faster(const std::string& cache_directory) {
  GemmSpeeds measured;
  const bool kept = !cache_directory.empty() && read_choice(cache_directory, measured);
  if (!kept) {
    measured = measure_gemms();
    if (!cache_directory.empty()) keep_choice(cache_directory, measured);
  }
  return {prefers_float32(measured) ? &kAvx512Float32OfBFloat16 : &kAvx512BFloat16,
          fmt::format("{}: bfloat16 {:.0f}, float32 {:.0f} GFLOP/s a thread",
                      kept ? "measured at an earlier start" : "measured now", measured.bfloat16,
                      measured.float32)};
}

// The processor time of this thread.
double processor_seconds() {
  timespec time = {};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + 1e-9 * static_cast<double>(time.tv_nsec);
}

// A block of rows and panels of the size that a thread computes in a forward pass.
class GemmProbe {
 public:
  explicit GemmProbe(const Kernels& kernels)
      : kernels_(kernels),
        num_rows_(kTiles * kernels.tile_rows),
        rows_(row_tiles_bytes(kernels, num_rows_, kInputs)),
        panels_(std::size_t{kPanels} * kPanelColumns * kInputs * 2),
        out_(static_cast<std::size_t>(num_rows_) * kPanels * kPanelColumns * 4) {
    std::vector<float> row(kInputs);
    for (std::int32_t i = 0; i < kInputs; ++i)
      row[static_cast<std::size_t>(i)] = 0.01f * static_cast<float>(i % 97 - 48);
    for (std::int32_t r = 0; r < num_rows_; ++r) kernels.pack_row(row.data(), {rows_.data(), kInputs}, r);
    auto* weights = panels_.as<std::uint16_t>();
    for (std::int32_t i = 0; i < kPanels * kPanelColumns * kInputs; ++i) {
      weights[i] = to_bfloat16(0.01f * static_cast<float>(i % 89 - 44)).bits;
    }
  }

  void run() {
    const GemmTask task{.rows = {rows_.data(), kInputs},
                        .num_rows = num_rows_,
                        .end_tile = kTiles,
                        .panels = panels_.data(),
                        .end_panel = kPanels,
                        .out = out_.as<float>(),
                        .out_stride = kPanels * kPanelColumns};
    const double begin = processor_seconds();
    kernels_.gemm(task);
    const double taken = processor_seconds() - begin;
    best_ = std::max(best_, 2e-9 * num_rows_ * kPanels * kPanelColumns * kInputs / taken);
  }
  double best() const { return best_; }

 private:
  static constexpr std::int32_t kTiles = 8, kPanels = 16, kInputs = 1024;

  const Kernels& kernels_;
  std::int32_t num_rows_;
  MemoryBlock rows_;
  MemoryBlock panels_;
  MemoryBlock out_;
  double best_ = 0;
};

}  // namespace

const Kernels* find_kernels(const std::string& instruction_set, const Arithmetic& arithmetic) {
  for (const Kernels* kernels : kTable) {
    if (instruction_set != "auto" && instruction_set != kernels->instruction_set) continue;
    if (kernels->arithmetic == arithmetic && kernels->supported()) return kernels;
  }
  return nullptr;
}

GemmSpeeds measure_gemms() {
  constexpr int kRuns = 10;
  GemmProbe bfloat16(kAvx512BFloat16);
  GemmProbe float32(kAvx512Float32OfBFloat16);
  for (int run = 0; run < kRuns; ++run) {
    bfloat16.run();
    float32.run();
  }
  return {.bfloat16 = bfloat16.best(), .float32 = float32.best()};
}

bool prefers_float32(const GemmSpeeds& speeds) {
  return speeds.float32 > kClearGain * speeds.bfloat16;
}

KernelChoice choose_kernels(const BackendOptions& options, DataType checkpoint) {
  const std::string& set = options.instruction_set;
  const std::string& dtype = options.dtype;
  if (set != "auto" && set != "avx2" && set != "avx512") {
    throw Error(ErrorCode::kInvalidArgument, {.member = "instruction_set"},
                fmt::format("{} is not one of auto, avx512, avx2", set));
  }
  if (dtype != "auto" && dtype != "bfloat16" && dtype != "float32") {
    throw Error(ErrorCode::kInvalidArgument, {.member = "dtype"},
                fmt::format("{} is not one of auto, bfloat16, float32", dtype));
  }
  require(has_avx2(), "this processor lacks AVX2; the reference backend runs on any processor, slowly",
          ErrorCode::kUnsupported);
  if (set == "avx512" && !has_avx512()) {
    throw Error(ErrorCode::kUnsupported, {.member = "instruction_set"},
                "this processor lacks AVX-512 (F, BW, DQ, VL)");
  }
  const Kernels* bfloat16 = find_kernels(set, kBFloat16);
  if (dtype == "bfloat16") {
    if (bfloat16 == nullptr) {
      throw Error(ErrorCode::kUnsupported, {.member = "dtype"},
                  "bfloat16 needs AVX-512 BF16; float32 computes a bfloat16 checkpoint exactly");
    }
    return {bfloat16, "asked for"};
  }
  const Kernels* float32 =
      find_kernels(set, checkpoint == DataType::kBFloat16 ? kFloat32OfBFloat16 : kFloat32);
  if (dtype == "float32") return {float32, "asked for"};
  if (checkpoint != DataType::kBFloat16)
    return {float32, fmt::format("the checkpoint is {}", to_string(checkpoint))};
  if (bfloat16 == nullptr) return {float32, "no AVX-512 BF16 to use"};
  return choose_faster(options.cache_directory);
}

}  // namespace rerank::cpu
