#include "backend/cpu/arithmetic.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <fstream>
#include <initializer_list>
#include <vector>

#include "backend/cpu/processor.h"
#include "backend/cpu/row_tiles.h"
#include "base/files/atomic_file.h"
#include "base/memory_block.h"
#include "rerank/error.h"

namespace rerank::cpu {
namespace {

// Wider instructions first.
const Kernels* const kTable[] = {
    &kAmxBFloat16, &kAvx512BFloat16, &kAvx512Float32OfBFloat16,    &kAvx512Float32,  &kAvx2Float32OfBFloat16,
    &kAvx2Float32, &kAmxInt8,        &kAvx512VnniInt8WithBFloat16, &kAvx512VnniInt8, &kAvxVnniInt8,
    &kAvx2Int8};

// The processor's name in /proc/cpuinfo.
std::string processor_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(std::min(line.size(), line.find(':') + 2));
  }
  return "unknown processor";
}

// Contains one line: "SET GFLOPS GFLOPS processor name", of bfloat16 on that instruction set and of float32.
// The line of another set or processor is ignored.
std::string choice_file(const std::string& cache_directory) {
  return cache_directory + "/arithmetic";
}

bool read_choice(const std::string& cache_directory, const Kernels& bfloat16, GemmSpeeds& measured) {
  std::ifstream file(choice_file(cache_directory));
  std::string set, name;
  return file >> set >> measured.bfloat16 >> measured.float32 && std::getline(file >> std::ws, name) &&
         set == bfloat16.instruction_set && name == processor_name() && measured.bfloat16 > 0 &&
         measured.float32 > 0;
}

// Without the file the next start measures again, so a failure is not reported.
void keep_choice(const std::string& cache_directory, const Kernels& bfloat16, const GemmSpeeds& measured) {
  write_cache_file(choice_file(cache_directory),
                   fmt::format("{} {:.1f} {:.1f} {}\n", bfloat16.instruction_set, measured.bfloat16,
                               measured.float32, processor_name()));
}

KernelChoice choose_faster(const Kernels& bfloat16, const Kernels& float32,
                           const std::string& cache_directory) {
  GemmSpeeds measured;
  const bool kept = !cache_directory.empty() && read_choice(cache_directory, bfloat16, measured);
  if (!kept) {
    measured = measure_gemms(bfloat16, float32);
    if (!cache_directory.empty()) keep_choice(cache_directory, bfloat16, measured);
  }
  return {prefers_float32(measured) ? &float32 : &bfloat16,
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

void check_options(const BackendOptions& options) {
  const std::string& set = options.instruction_set;
  const std::string& dtype = options.dtype;
  const auto one_of = [](const std::string& value, std::initializer_list<const char*> names) {
    return std::ranges::find(names, value) != names.end();
  };
  if (!one_of(set, {"auto", "amx", "avx512", "avx2"})) {
    throw Error(ErrorCode::kInvalidArgument, {.member = "instruction_set"},
                fmt::format("{} is not one of auto, amx, avx512, avx2", set));
  }
  if (!one_of(dtype, {"auto", "bfloat16", "float32"})) {
    throw Error(ErrorCode::kInvalidArgument, {.member = "dtype"},
                fmt::format("{} is not one of auto, bfloat16, float32", dtype));
  }
  require(has_avx2(), "this processor lacks AVX2; the reference backend runs on any processor, slowly",
          ErrorCode::kUnsupported);
  if (set == "avx512" && !has_avx512()) {
    throw Error(ErrorCode::kUnsupported, {.member = "instruction_set"},
                "this processor lacks AVX-512 (F, BW, DQ, VL)");
  }
  if (set == "amx" && !has_amx_bfloat16()) {
    throw Error(ErrorCode::kUnsupported, {.member = "instruction_set"},
                fmt::format("no AMX for bfloat16: {}", why_no_amx()));
  }
}

// Why the widest set of all is not used although any might be; "" if it is.
std::string about_amx(const std::string& instruction_set) {
  if (instruction_set != "auto" || has_amx_bfloat16()) return "";
  return fmt::format("; no AMX: {}", why_no_amx());
}

}  // namespace

const Kernels* find_kernels(const std::string& instruction_set, const Arithmetic& arithmetic,
                            IsSupported is_supported) {
  for (const Kernels* kernels : kTable) {
    if (instruction_set != "auto" && instruction_set != kernels->instruction_set) continue;
    if (kernels->arithmetic == arithmetic && is_supported(*kernels)) return kernels;
  }
  return nullptr;
}

GemmSpeeds measure_gemms(const Kernels& bfloat16, const Kernels& float32) {
  constexpr int kRuns = 10;
  GemmProbe of_bfloat16(bfloat16);
  GemmProbe of_float32(float32);
  for (int run = 0; run < kRuns; ++run) {
    of_bfloat16.run();
    of_float32.run();
  }
  return {.bfloat16 = of_bfloat16.best(), .float32 = of_float32.best()};
}

bool prefers_float32(const GemmSpeeds& speeds) {
  return speeds.float32 > kClearGain * speeds.bfloat16;
}

namespace {

// The kernels of all layers, or of those that are not quantized.
KernelChoice choose_whole(const BackendOptions& options, DataType checkpoint, IsSupported is_supported) {
  check_options(options);
  const std::string& set = options.instruction_set;
  const std::string& dtype = options.dtype;
  const bool is_bfloat16 = checkpoint == DataType::kBFloat16;
  const Kernels* bfloat16 = find_kernels(set, kBFloat16, is_supported);
  const Kernels* float32 = find_kernels(set, is_bfloat16 ? kFloat32OfBFloat16 : kFloat32, is_supported);
  if (dtype == "bfloat16") {
    if (bfloat16 == nullptr) {
      throw Error(ErrorCode::kUnsupported, {.member = "dtype"},
                  "bfloat16 needs AVX-512 BF16; float32 computes a bfloat16 checkpoint exactly");
    }
    return {bfloat16, "asked for" + about_amx(set)};
  }
  if (float32 == nullptr && (dtype == "float32" || !is_bfloat16)) {
    throw Error(ErrorCode::kUnsupported, {.member = "dtype"},
                fmt::format("{} computes in bfloat16 only; pass bfloat16, or another instruction_set", set));
  }
  if (dtype == "float32") return {float32, "asked for"};
  if (!is_bfloat16) return {float32, fmt::format("the checkpoint is {}", to_string(checkpoint))};
  if (float32 == nullptr) return {bfloat16, fmt::format("{} computes in bfloat16 only", set)};
  if (bfloat16 == nullptr) return {float32, "no AVX-512 BF16 to use"};
  KernelChoice choice = choose_faster(*bfloat16, *float32, options.cache_directory);
  choice.reason += about_amx(set);
  return choice;
}

}  // namespace

KernelChoice choose_kernels(const BackendOptions& options, DataType checkpoint, IsSupported is_supported) {
  KernelChoice choice = choose_whole(options, checkpoint, is_supported);
  if (options.quantization == "none") return choice;
  const Kernels& whole = *choice.kernels;
  choice.int8 = find_kernels(whole.instruction_set, int8_with(whole.arithmetic.keys), is_supported);
  if (choice.int8 != nullptr) return choice;
  if (options.instruction_set != "auto") {
    throw Error(ErrorCode::kUnsupported, {.member = "quantization"},
                "int8 needs AVX-512 VNNI with instruction_set avx512; with avx2 any processor will do");
  }
  // All layers have one instruction set.
  BackendOptions narrower = options;
  narrower.instruction_set = "avx2";
  choice = choose_kernels(narrower, checkpoint, is_supported);
  choice.reason += "; no AVX-512 VNNI for int8";
  return choice;
}

}  // namespace rerank::cpu
