// Matrix products on Hopper's tensor cores. The tile of a block is 128 rows by two halves of 128 outputs. One
// thread keeps the stages filled, two warpgroups multiply 64 rows each, and three warps run the epilogue
// while the warpgroups compute the next tile.
#include <algorithm>
#include <type_traits>

#include "backend/cuda/device.h"
#include "backend/cuda/hopper/finishers.cuh"
#include "backend/cuda/hopper/fused_gemm_block.cuh"
#include "backend/cuda/hopper/qkv_finisher.cuh"
#include "backend/cuda/hopper/tensor_map.h"
#include "backend/cuda/overlap.cuh"
#include "rerank/error.h"

namespace rerank::cuda {
namespace {

// Three warps: the epilogue of each part of each tile when it is ready; for the last tile only the values per
// row.
template <typename Finisher>
__device__ inline void finish_gemm_tiles(const GemmBlock<Finisher>& block, const ProductScale& scale) {
  using Part = GemmPart<kGemmFinishers, typename Finisher::Row>;
  const FusedGemmArguments& a = block.a;
  const Finisher& finisher = block.finisher;
  GemmBarriers& barriers = block.barriers;
  GemmTiles tiles = block.tiles();
  await_rows(a, tiles.row());
  if (Finisher::kAsksRows) find_rows(block, scale, tiles.row(), block.rows[0]);
  int now = 0, turn = 0;
  Place<1> place;
  while (!tiles.is_last()) {
    const int row = tiles.row(), tile = tiles.tile(), parts = tiles.parts();
    const bool is_apart = tiles.is_apart();
    tiles.advance();
    if (Finisher::kAsksRows) group_sync<32 * kGemmFinishers>(1 + kGemmMultipliers);
    finisher.finish(tile, a.num_rows, [&](const auto& finish_part) {
#pragma unroll 1
      for (int p = 0; p < kGemmMultipliers; ++p) {
        barrier_wait(&barriers.part_full[p], place.parity);
        if (p < parts) {
          finish_part(Part(block.shared, {p, 0, kGemmPartRows}, block.rows[now], row, turn++));
        }
        __syncwarp();
        if (threadIdx.x % 32 == 0) barrier_arrive(&barriers.part_empty[p]);
        if (Finisher::kAsksRows && p == 0) {
          await_rows(a, tiles.row());
          find_rows(block, scale, tiles.row(), block.rows[now ^ 1]);
        }
      }
    });
    count_rows<kGemmFinishers>(a, row, parts * kGemmPartRows, is_apart);
    place.advance();
    now ^= 1;
  }
  finisher.expect(tiles.row(), tiles.parts(), tiles.tile(), a.num_rows);
  if (tiles.parts() == 1) return group_arrive<kGemmHalfSync>(1);
  for (int p = 0; p < kGemmMultipliers; ++p) group_arrive<kGemmPartSync>(1 + p);
}

template <typename Finisher>
__global__ void __cluster_dims__(kGemmCluster, 1, 1) __launch_bounds__(kGemmThreads, 1)
    fused_gemm_kernel(const __grid_constant__ FusedGemmArguments a,
                      const __grid_constant__ ProductScale scale, const __grid_constant__ GemmOutputs outputs,
                      const __grid_constant__ GemmSchedule schedule,
                      const __grid_constant__ Finisher finisher) {
  extern __shared__ unsigned char memory[];
  __shared__ GemmBarriers barriers;
  __shared__ typename Finisher::Row rows[2][kGemmRows];
  const GemmBlock<Finisher> block{
      a, outputs, schedule, finisher, {(shared_address(memory) + 1023) / 1024 * 1024}, barriers, rows};
  let_next_kernel_begin();
  if (threadIdx.x == 0) barriers.init();
  cluster_sync();
  const unsigned warp =
      __shfl_sync(0xffffffffu, threadIdx.x / 32, 0);  // the same in all lanes, and known to be
  if (warp < kGemmWarps) {
    registers_give<168>();
    if (warp > 0) {
      finish_gemm_tiles(block, scale);
    } else {
      if (threadIdx.x == 0) {
        copy_gemm_tiles(block);
      }
      __syncwarp();
    }
  } else {
    registers_take<168>();
    multiply_gemm_tiles(block);
  }
  await_kernels_before();  // kernels that wait for this one also wait for those
  cluster_sync();          // no block writes to another that has exited
}

template <typename Finisher>
void prepare() {
  RERANK_CUDA_CHECK(cudaFuncSetAttribute(fused_gemm_kernel<Finisher>,
                                         cudaFuncAttributeMaxDynamicSharedMemorySize, kGemmSharedBytes));
}

template <typename Finisher>
void launch(const FusedGemmArguments& a, const ProductScale& scale, const GemmOutputs& outputs,
            const Finisher& finisher, cudaStream_t stream) {
  if (a.num_rows == 0) return;
  const GemmSchedule schedule = gemm_schedule(a, outputs.num_tiles, is_quantized(Finisher::kType));
  const std::int32_t clusters = std::min(schedule.num_turns(), num_gemm_clusters(a));
  launch_overlapping(fused_gemm_kernel<Finisher>, static_cast<unsigned>(clusters * kGemmCluster),
                     kGemmThreads, kGemmSharedBytes, stream, a, scale, outputs, schedule, finisher);
}

// Calls use(Qkv<head_dim, Type, has_norm>).
template <NumberType Type, bool HasNorm, typename Use>
void with_head_dim(std::int32_t head_dim, const Use& use) {
  if (head_dim == 256) return use(Qkv<256, Type, HasNorm>());
  if (head_dim == 128) return use(Qkv<128, Type, HasNorm>());
  if (head_dim == 64) return use(Qkv<64, Type, HasNorm>());
  check(head_dim == 32, "rotary embedding knows head_dim 32, 64, 128 and 256");
  use(Qkv<32, Type, HasNorm>());
}
template <NumberType Type, typename Use>
void with_heads(std::int32_t head_dim, bool has_norm, const Use& use) {
  has_norm ? with_head_dim<Type, true>(head_dim, use) : with_head_dim<Type, false>(head_dim, use);
}

// Calls use(GateUp<Type, gate, has_bias>). With quantized values only for decoders.
template <NumberType Type, typename Use>
void with_gate(MlpActivation gate, bool has_bias, const Use& use) {
  if (gate == MlpActivation::kSilu && !has_bias) return use(GateUp<Type, MlpActivation::kSilu, false>());
  if (gate == MlpActivation::kGeluTanh && !has_bias) {
    return use(GateUp<Type, MlpActivation::kGeluTanh, false>());
  }
  if constexpr (Type == NumberType::kBFloat16) {
    if (gate == MlpActivation::kGelu && has_bias) return use(GateUp<Type, MlpActivation::kGelu, true>());
    if (gate == MlpActivation::kGelu) return use(GateUp<Type, MlpActivation::kGelu, false>());
  }
  check(false, "a gate that products do not know");
}

template <NumberType Type>
void prepare_for(const TransformerSpec& spec) {
  prepare<AddProduct<Type>>();
  if constexpr (is_quantized(Type)) prepare<StoreProduct<Type>>();
  const auto prepare_this = [](auto finisher) { prepare<decltype(finisher)>(); };
  if (spec.gated) with_gate<Type>(spec.activation, spec.gate_bias, prepare_this);
  with_heads<Type>(spec.head_dim, spec.qk_norm, prepare_this);
}

template <NumberType Type>
using TypeConstant = std::integral_constant<NumberType, Type>;

// Calls use(TypeConstant<the type of x and the weight>).
template <typename Use>
void with_quantized_type(const FusedGemmArguments& a, const Use& use) {
  check(a.x.type == a.weight.type && is_quantized(a.x.type), "a product of numbers of two types");
  a.x.type == NumberType::kInt8 ? use(TypeConstant<NumberType::kInt8>())
                                : use(TypeConstant<NumberType::kE4m3>());
}
template <typename Use>
void with_type(const FusedGemmArguments& a, const Use& use) {
  if (is_quantized(a.weight.type)) return with_quantized_type(a, use);
  use(TypeConstant<NumberType::kBFloat16>());
}

template <typename Number>
GemmView view(const Number* data, std::int64_t rows, std::int64_t inputs, NumberType type) {
  static_assert(kGemmHalf == kGemmRows, "x and weight are copied in boxes of one size");
  constexpr auto kBytes = static_cast<std::int64_t>(sizeof(Number));
  const auto in_boxes = [&](cuuint32_t box_rows) {
    return tensor_map<2>(data, {static_cast<cuuint64_t>(inputs), static_cast<cuuint64_t>(rows)},
                         {static_cast<cuuint64_t>(kBytes * inputs)}, {kGemmRowBytes / kBytes, box_rows});
  };
  return {.tile = in_boxes(kGemmRows), .half_tile = in_boxes(kGemmPartRows), .type = type};
}

// Only products of bfloat16 report their progress.
GemmProgress progress_of(const FusedGemmArguments& a, const GemmOutputs& outputs) {
  if (a.num_rows == 0 || a.counts == nullptr) return {};
  return {a.counts, outputs.num_tiles, gemm_schedule(a, outputs.num_tiles, false).end(a)};
}

GemmOutputs all_outputs(std::int32_t outputs) {
  return {
      .first = 0, .second = kGemmHalf, .step = kGemmColumns, .num_tiles = tiles_of(outputs, kGemmColumns)};
}

GemmOutputs mlp_outputs(const MlpIn& mlp) {
  if (!mlp.gated) return all_outputs(mlp.ffn);
  return {.first = 0, .second = mlp.ffn, .step = kGemmHalf, .num_tiles = tiles_of(mlp.ffn, kGemmHalf)};
}

}  // namespace

GemmView gemm_view(NumberType type, const void* data, std::int64_t rows, std::int64_t inputs) {
  if (is_quantized(type)) return view(static_cast<const std::uint8_t*>(data), rows, inputs, type);
  return view(static_cast<const DeviceBFloat16*>(data), rows, inputs, type);
}

GemmProgress progress_of_mlp_in(const FusedGemmArguments& a, const MlpIn& mlp) {
  return progress_of(a, mlp_outputs(mlp));
}
GemmProgress progress_of_add_product(const FusedGemmArguments& a, std::int32_t outputs) {
  return progress_of(a, all_outputs(outputs));
}

void prepare_fused_gemms(const TransformerSpec& spec) {
  prepare_for<NumberType::kBFloat16>(spec);
  if (!spec.gated) prepare<Activated<MlpActivation::kGelu>>();
  if (spec.mask != Mask::kCausal || spec.activation == MlpActivation::kGelu) return;
  prepare_for<NumberType::kE4m3>(spec);
  prepare_for<NumberType::kInt8>(spec);
}

void launch_mlp_in(const FusedGemmArguments& a, const ProductScale& scale, const MlpIn& mlp,
                   cudaStream_t stream) {
  const GemmOutputs outputs = mlp_outputs(mlp);
  if (!mlp.gated) {
    check(mlp.activation == MlpActivation::kGelu && mlp.bias != nullptr && !is_quantized(a.weight.type),
          "an MLP without a gate that products do not know");
    return launch(a, scale, outputs, Activated<MlpActivation::kGelu>{{}, mlp.out.values, mlp.bias, mlp.ffn},
                  stream);
  }
  with_type(a, [&](auto type) {
    with_gate<type()>(mlp.activation, mlp.bias != nullptr, [&](auto finisher) {
      finisher.out = mlp.out;
      finisher.scales = scale.outputs;
      finisher.bias = mlp.bias;
      finisher.ffn = mlp.ffn;
      launch(a, scale, outputs, finisher, stream);
    });
  });
}

void launch_qkv(const FusedGemmArguments& a, const ProductScale& scale, const QkvArguments& qkv,
                cudaStream_t stream) {
  const std::int32_t first = qkv.first_head * qkv.head_dim,
                     count = (qkv.end_head - qkv.first_head) * qkv.head_dim;
  const GemmOutputs outputs{.first = first,
                            .second = first + kGemmHalf,
                            .step = kGemmColumns,
                            .num_tiles = tiles_of(count, kGemmColumns)};
  with_type(a, [&](auto type) {
    with_heads<type()>(qkv.head_dim, qkv.query_norm != nullptr, [&](auto finisher) {
      finisher.a = qkv;
      finisher.scales = scale.outputs;
      launch(a, scale, outputs, finisher, stream);
    });
  });
}

void launch_add_product(const FusedGemmArguments& a, const ProductScale& scale, const Residual& x,
                        cudaStream_t stream) {
  with_type(a, [&](auto type) {
    launch(a, scale, all_outputs(x.hidden), AddProduct<type()>{{}, x, scale.outputs}, stream);
  });
}

void launch_product(const FusedGemmArguments& a, const ProductScale& scale, DeviceBFloat16* out,
                    std::int32_t outputs, cudaStream_t stream) {
  const Residual rows{.high = out, .low = nullptr, .squares = nullptr, .hidden = outputs};
  with_quantized_type(a, [&](auto type) {
    launch(a, scale, all_outputs(outputs), StoreProduct<type()>{{}, rows, scale.outputs}, stream);
  });
}

bool add_product_is_busy(const FusedGemmArguments& a, std::int32_t outputs) {
  if (a.num_rows == 0) return false;
  const std::int32_t output_tiles = all_outputs(outputs).num_tiles, clusters = num_gemm_clusters(a);
  const std::int64_t places = std::int64_t{kGemmHalfPairRows} * clusters *
                              gemm_schedule(a, output_tiles, false).half_rounds(clusters);
  return std::int64_t{3} * a.num_rows * output_tiles >= 2 * places;
}

}  // namespace rerank::cuda
