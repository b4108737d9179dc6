// Every backend, arithmetic and instruction set that this build knows: what backend tests run over. For tests
// only.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "backend/backend.h"
#include "backend/cuda_module.h"

namespace rerank {

struct BackendVariant {
  std::string device;
  std::string dtype;
  std::string instruction_set;
  std::string quantization = "none";

  std::string name() const {
    return device + "_" + (quantization == "none" ? dtype : quantization) + "_" + instruction_set;
  }
  bool bfloat16() const { return dtype == "bfloat16"; }
  bool cuda() const { return device == "cuda"; }
  // As a flag has it: a GPU's is not chosen.
  std::string instruction_set_flag() const { return cuda() ? "auto" : instruction_set; }
};

inline void PrintTo(const BackendVariant& variant, std::ostream* out) {
  *out << variant.name();
}

// Those whose every step is held against the reference. A machine may lack an instruction set: create_backend
// or load says so. A GPU is among them only where there is one that will do.
inline std::vector<BackendVariant> backend_variants() {
  std::vector<BackendVariant> variants = {
      {"cpu", "float32", "avx512"}, {"cpu", "float32", "avx2"}, {"cpu", "bfloat16", "avx512"}};
  for (const CudaDevice& gpu : find_cuda().devices) {
    if (gpu.compute_capability != kComputeCapability) continue;
    variants.push_back({"cuda", "bfloat16", "sm_" + std::to_string(gpu.compute_capability)});
    break;
  }
  return variants;
}

// Those whose scores are reproducible and held to a limit: the same, and the quantized ones.
inline std::vector<BackendVariant> scoring_variants() {
  std::vector<BackendVariant> variants = backend_variants();
  for (const BackendVariant& variant : backend_variants()) {
    if (!variant.cuda()) continue;
    variants.push_back(variant);
    variants.back().quantization = "fp8";
  }
  return variants;
}

inline BackendOptions options_of(const BackendVariant& variant, int num_threads) {
  return {.device = variant.device,
          .dtype = variant.dtype,
          .quantization = variant.quantization,
          .instruction_set = variant.instruction_set_flag(),
          .num_threads = num_threads,
          .cache_directory = "",
          .device_ordinals = {}};
}

}  // namespace rerank
