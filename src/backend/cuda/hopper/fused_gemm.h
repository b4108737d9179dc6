// Matrix products of our own, whose results are worked on before they leave the multiprocessor. A row's bits
// come from one order of sums over the inputs, whatever the number of rows and the row's place among them.
#pragma once

#include <cuda.h>
#include <cuda_runtime_api.h>

#include <cstdint>

#include "backend/cuda/kernel_set.h"

namespace rerank::cuda {

// Rows as these products read them, x [rows, inputs] or weight [outputs, inputs]; a row's bytes are a
// multiple of 16.
struct GemmView {
  CUtensorMap tile;       // copied in boxes of all rows of a block's tile
  CUtensorMap half_tile;  // of half of them
  NumberType type = NumberType::kBFloat16;
};
GemmView gemm_view(NumberType type, const void* data, std::int64_t rows, std::int64_t inputs);

// So many clusters of blocks end before the others of a product, by the time that a tile of so many inputs
// takes.
struct GemmEnd {
  std::int32_t num_early = 0;
  float early_inputs = 0;
};

// How far a product has come: counts of finished rows' parts, one for each kGemmPairRows rows, zeros before
// it is launched. The next product of the stream begins with rows as they are ready.
constexpr std::int32_t kGemmPairRows = 256;
struct GemmProgress {
  std::uint32_t* counts = nullptr;
  std::int32_t output_tiles = 0;
  GemmEnd end{};
};

struct FusedGemmArguments {
  GemmView x;       // of at least num_rows rows
  GemmView weight;  // the product is x * weight^T; both of one type
  std::int32_t num_rows;
  std::int32_t inputs;
  std::int32_t num_processors;      // of the device
  GemmProgress before{};            // of x; without counts all kernels before are awaited
  std::uint32_t* counts = nullptr;  // of this product, if one goes on from it
};

// What results are multiplied by. Of bfloat16, rows by 1 / sqrt(mean of their squares + eps); of quantized
// numbers, rows and outputs by the scales of x and of the weight.
struct ProductScale {
  const float* squares = nullptr;  // of x, as in Residual; nullptr: they are not
  float eps = 0;
  const float* rows = nullptr;     // [num_rows]; not of e4m3 that attention or SwiGLU made
  const float* outputs = nullptr;  // [outputs]
};

// See KernelSet::mlp_in; g is the product, rounded to bfloat16, times its scale, plus the bias, which
// products of bfloat16 alone may have.
struct MlpIn : MlpArguments {
  MlpActivation activation = MlpActivation::kSilu;
  bool gated = true;
};

// What the next product needs to know of this one.
GemmProgress progress_of_mlp_in(const FusedGemmArguments& arguments, const MlpIn& mlp);
GemmProgress progress_of_add_product(const FusedGemmArguments& arguments, std::int32_t outputs);

// Once for each device, before the first launch.
void prepare_fused_gemms(const TransformerSpec& spec);

void launch_mlp_in(const FusedGemmArguments& arguments, const ProductScale& scale, const MlpIn& mlp,
                   cudaStream_t stream);

// Heads of qkv are the product, rounded to bfloat16, times its scale, and then what attention wants of
// them, see QkvArguments.
void launch_qkv(const FusedGemmArguments& arguments, const ProductScale& scale, const QkvArguments& qkv,
                cudaStream_t stream);

// x += the product, rounded to bfloat16, times its scale, which only quantized numbers have here, and of e4m3
// only outputs; of bfloat16 the same bits as the product and then launch_add.
void launch_add_product(const FusedGemmArguments& arguments, const ProductScale& scale, const Residual& x,
                        cudaStream_t stream);
// out [num_rows, outputs] is what launch_add_product would add, rounded again. Of quantized numbers alone.
void launch_product(const FusedGemmArguments& arguments, const ProductScale& scale, DeviceBFloat16* out,
                    std::int32_t outputs, cudaStream_t stream);
// Whether most multiprocessors are busy with tiles as large as launch_add_product's of bfloat16.
bool add_product_is_busy(const FusedGemmArguments& arguments, std::int32_t outputs);

}  // namespace rerank::cuda
