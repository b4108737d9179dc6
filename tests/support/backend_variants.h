// Every backend, arithmetic and instruction set that this build knows and this machine has: what backend
// tests run over. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/arithmetic.h"
#include "backend/cuda_module.h"
#include "rerank/error.h"
#include "tests/support/under_sanitizer.h"

namespace rerank {

struct BackendVariant {
  std::string device;
  std::string dtype;
  std::string instruction_set;
  std::string quantization = "none";
  std::int32_t tensor_parallel_size = 1;

  std::string name() const {
    const std::string ranks = tensor_parallel_size > 1 ? "_tp" + std::to_string(tensor_parallel_size) : "";
    const std::string rest = dtype + "_" + instruction_set + ranks;  // on a GPU all the same
    if (quantization == "none") return device + "_" + rest;
    return device + "_" + quantization + "_" + (cuda() ? instruction_set + ranks : rest);
  }
  bool bfloat16() const { return dtype == "bfloat16"; }
  // Whether inputs of products are rounded: errors are held against those of bfloat16.
  bool rounds() const { return bfloat16() || quantization != "none"; }
  bool cuda() const { return device == "cuda"; }
  // As a flag has it: only a CPU's is chosen.
  std::string instruction_set_flag() const { return device == "cpu" ? instruction_set : "auto"; }
};

inline void PrintTo(const BackendVariant& variant, std::ostream* out) {
  *out << variant.name();
}

// The GPUs of this machine that will do.
inline std::vector<CudaDevice> usable_gpus() {
  std::vector<CudaDevice> gpus = find_cuda().devices;
  std::erase_if(gpus, [](const CudaDevice& gpu) { return !gpu.why_not.empty(); });
  return gpus;
}

inline BackendOptions options_of(const BackendVariant& variant, int num_threads) {
  return {.device = variant.device,
          .dtype = variant.dtype,
          .quantization = variant.quantization,
          .instruction_set = variant.instruction_set_flag(),
          .num_threads = num_threads,
          .cache_directory = "",
          .tensor_parallel_size = variant.tensor_parallel_size,
          .device_ordinals = {}};
}

inline std::vector<BackendVariant> known_cpu_variants() {
  return {{"cpu", "float32", "avx512"},
          {"cpu", "float32", "avx2"},
          {"cpu", "bfloat16", "avx512"},
          {"cpu", "bfloat16", "amx"}};
}

// Why this processor does not compute `variant`; "" if it does.
inline std::string why_not_here(const BackendVariant& variant) {
  try {
    cpu::choose_kernels(options_of(variant, 1), DataType::kBFloat16);
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

// Those whose every step is held against the reference. A GPU is among them only where there is one that will
// do.
inline std::vector<BackendVariant> backend_variants() {
  std::vector<BackendVariant> variants = known_cpu_variants();
  std::erase_if(variants, [](const BackendVariant& variant) { return !why_not_here(variant).empty(); });
  const std::vector<CudaDevice> gpus = usable_gpus();
  if (!gpus.empty()) variants.push_back({"cuda", "bfloat16", gpus.front().instruction_set});
  return variants;
}

// Those whose scores are reproducible and held to a limit: the same, and on GPUs each quantisation, on one
// and on two together. Under a sanitizer one of a CPU's is enough: the steps run on all of them.
inline std::vector<BackendVariant> scoring_variants() {
  std::vector<BackendVariant> variants;
  const std::vector<BackendVariant> all = backend_variants();
  const auto last_of_cpu =
      std::find_if(all.rbegin(), all.rend(), [](const BackendVariant& variant) { return !variant.cuda(); });
  for (const BackendVariant& variant : all) {
    if (!variant.cuda()) {
      if (kUnderSanitizer && &variant != &*last_of_cpu) continue;
      variants.push_back(variant);
      variants.push_back(variant);
      variants.back().quantization = "int8";
      continue;
    }
    for (const std::int32_t gpus : {1, 2}) {
      if (usable_gpus().size() < static_cast<std::size_t>(gpus)) break;
      for (const char* quantization : {"none", "int8", "fp8"}) {
        variants.push_back(variant);
        variants.back().quantization = quantization;
        variants.back().tensor_parallel_size = gpus;
      }
    }
  }
  return variants;
}

inline std::vector<BackendVariant> cpu_int8_variants() {
  std::vector<BackendVariant> variants = scoring_variants();
  std::erase_if(variants, [](const BackendVariant& variant) {
    return variant.cuda() || variant.quantization != "int8";
  });
  return variants;
}

}  // namespace rerank
