// Every backend, arithmetic and instruction set that this build knows: what backend tests run over. For tests
// only.
#pragma once

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <vector>

#include "backend/backend.h"

namespace rerank {

struct BackendVariant {
  const char* device;
  const char* dtype;
  const char* instruction_set;

  std::string name() const { return std::string(device) + "_" + dtype + "_" + instruction_set; }
  bool bfloat16() const { return std::string(dtype) == "bfloat16"; }
};

inline void PrintTo(const BackendVariant& variant, std::ostream* out) {
  *out << variant.name();
}

// Those held against the reference. A machine may lack an instruction set: create_backend or load says so.
inline std::vector<BackendVariant> backend_variants() {
  return {{"cpu", "float32", "avx512"}, {"cpu", "float32", "avx2"}, {"cpu", "bfloat16", "avx512"}};
}

inline BackendOptions options_of(const BackendVariant& variant, int num_threads) {
  return {.device = variant.device,
          .dtype = variant.dtype,
          .instruction_set = variant.instruction_set,
          .num_threads = num_threads,
          .cache_directory = ""};
}

}  // namespace rerank
