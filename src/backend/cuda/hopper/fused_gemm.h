// Matrix products with fused epilogues. The bits of a row come from one order of sums over the inputs, which
// depends neither on the number of rows nor on the row's position.
#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstdint>

#include "backend/cuda/kernel_set.h"

namespace rerank::cuda {

// An operand of these products, x [rows, inputs] or weight [outputs, inputs]; the bytes of a row are a
// multiple of 16.
struct GemmView {
  CUtensorMap tile;       // boxes of all rows of a block's tile
  CUtensorMap half_tile;  // boxes of half of the rows
  NumberType type = NumberType::kBFloat16;
};
GemmView gemm_view(NumberType type, const void* data, std::int64_t rows, std::int64_t inputs);

// How many clusters of blocks finish a product early, by about the time that a tile with this many inputs
// takes.
struct GemmEnd {
  std::int32_t num_early = 0;
  float early_inputs = 0;
};

// The progress of a product: counts of finished parts of rows, one for each kGemmPairRows rows, zero before
// the launch. The next product of the stream starts with rows as they become ready.
constexpr std::int32_t kGemmPairRows = 256;
struct GemmProgress {
  std::uint32_t* counts = nullptr;
  std::int32_t output_tiles = 0;
  GemmEnd end{};
};

struct FusedGemmArguments {
  GemmView x;       // at least num_rows rows
  GemmView weight;  // the product is x * weight^T; both have the same type
  std::int32_t num_rows;
  std::int32_t inputs;
  std::int32_t num_processors;      // of the device
  GemmProgress before{};            // of x; without counts, waits for all previous kernels
  std::uint32_t* counts = nullptr;  // of this product, if the next one uses them
};

// The factors of results. For bfloat16, rows are multiplied by 1 / sqrt(mean of their squares + eps); for
// quantized values, rows and outputs by the scales of x and of the weight.
struct ProductScale {
  const float* squares = nullptr;  // of x, as in Residual; nullptr: no factor
  float eps = 0;
  const float* rows = nullptr;     // [num_rows]; not for e4m3 written by attention or SwiGLU
  const float* outputs = nullptr;  // [outputs]
};

// See KernelSet::mlp_in; g is the product, rounded to bfloat16, times its scale, plus the bias, which only
// products of bfloat16 may have.
struct MlpIn : MlpArguments {
  MlpActivation activation = MlpActivation::kSilu;
  bool gated = true;
};

// The progress of this product, for the next one.
GemmProgress progress_of_mlp_in(const FusedGemmArguments& arguments, const MlpIn& mlp);
GemmProgress progress_of_add_product(const FusedGemmArguments& arguments, std::int32_t outputs);

// Called once for each device, before the first launch.
void prepare_fused_gemms(const TransformerSpec& spec);

void launch_mlp_in(const FusedGemmArguments& arguments, const ProductScale& scale, const MlpIn& mlp,
                   cudaStream_t stream);

// Computes heads of qkv: the product, rounded to bfloat16, times its scale, followed by the norm or bias and
// the rotation, see QkvArguments.
void launch_qkv(const FusedGemmArguments& arguments, const ProductScale& scale, const QkvArguments& qkv,
                cudaStream_t stream);

// x += the product, rounded to bfloat16, times its scale, which only quantized values have here (for e4m3
// only per output). For bfloat16 the bits are the same as with the product followed by launch_add.
void launch_add_product(const FusedGemmArguments& arguments, const ProductScale& scale, const Residual& x,
                        cudaStream_t stream);
// out [num_rows, outputs] is what launch_add_product would add, rounded again. Only for quantized values.
void launch_product(const FusedGemmArguments& arguments, const ProductScale& scale, DeviceBFloat16* out,
                    std::int32_t outputs, cudaStream_t stream);
// Whether tiles as large as those of launch_add_product in bfloat16 keep most multiprocessors busy.
bool add_product_is_busy(const FusedGemmArguments& arguments, std::int32_t outputs);

}  // namespace rerank::cuda
