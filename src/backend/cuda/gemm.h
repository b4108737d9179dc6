// Matrix products by cuBLASLt, with algorithms that all give the same bits for any number of rows.
#pragma once

#include <cublasLt.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "backend/cuda/device.h"
#include "backend/cuda/rows/kernels.h"

namespace rerank::cuda {

// A product of the forward pass: out [rows, outputs] = x [rows, inputs] * weight [outputs, inputs]^T, in
// bfloat16.
struct GemmShape {
  std::int32_t outputs = 0;
  std::int32_t inputs = 0;
};

// A cuBLASLt handle and its workspace, for products on one stream.
class GemmLibrary {
 public:
  GemmLibrary();
  ~GemmLibrary();
  GemmLibrary(const GemmLibrary&) = delete;
  GemmLibrary& operator=(const GemmLibrary&) = delete;

  cublasLtHandle_t handle() const { return handle_; }
  const DeviceBuffer& workspace() const { return workspace_; }

  static constexpr std::size_t kWorkspaceBytes = std::size_t{32} << 20;

 private:
  cublasLtHandle_t handle_ = nullptr;
  DeviceBuffer workspace_;
};

// Memory for choosing algorithms.
struct GemmTrial {
  DeviceBFloat16* x;       // [max_rows, inputs]
  DeviceBFloat16* wanted;  // [max_rows, outputs]
  DeviceBFloat16* found;   // [max_rows, outputs]
  std::uint32_t* num_different;
};

// Computes out from x, both with max_rows rows, by a kernel of our own that cuBLASLt replaces for small
// batches.
using GemmReference = std::function<void(const DeviceBFloat16* x, DeviceBFloat16* out)>;

// The algorithms for one shape. The reference determines the bits, or without one cuBLASLt's first choice at
// kReferenceRows. For each size class of rows it uses the fastest of the candidates that give exactly these
// bits, so that small batches are fast too.
class Gemm {
 public:
  static constexpr std::int32_t kReferenceRows =
      8448;  // whole waves of 128 x 256 tiles on 132 multiprocessors

  struct Choice {
    std::int32_t max_rows;
    cublasLtMatmulAlgo_t algorithm;
    float microseconds;
    int num_equal;  // candidates with the same bits
    int num_candidates;
  };

  Gemm() = default;
  // Measures on the device. REQUIRES: `weight` is uploaded; `trial` has memory for max_rows.
  Gemm(const GemmLibrary& library, const GemmShape& shape, std::int32_t max_rows,
       const DeviceBFloat16* weight, const GemmTrial& trial, cudaStream_t stream,
       const GemmReference& reference = {});

  // Whether an algorithm was found; always true without a reference.
  bool can_run(std::int32_t rows) const { return choice(rows).num_equal > 0; }
  void run(const GemmLibrary& library, const DeviceBFloat16* x, const DeviceBFloat16* weight,
           DeviceBFloat16* out, std::int32_t rows, cudaStream_t stream) const;

  const GemmShape& shape() const { return shape_; }
  const std::vector<Choice>& choices() const { return choices_; }

 private:
  const Choice& choice(std::int32_t rows) const;

  GemmShape shape_;
  std::vector<Choice> choices_;  // by max_rows, ascending
};

}  // namespace rerank::cuda
