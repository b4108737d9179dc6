// The kernel set for compute capability 9.0 (H100, H200): wgmma, TMA, clusters.
#pragma once

#include <deque>
#include <map>

#include "backend/cuda/device.h"
#include "backend/cuda/hopper/attention.h"
#include "backend/cuda/hopper/fused_gemm.h"
#include "backend/cuda/kernel_set.h"

namespace rerank::cuda {

// The first key of config.json, with its value, that these kernels do not support; empty: all are supported.
std::string hopper_unsupported_key(const TransformerSpec& spec);

class HopperKernels final : public KernelSet {
 public:
  explicit HopperKernels(const KernelSetOptions& options);

  std::size_t workspace_bytes() const override;
  Operand operand(NumberType type, const void* values, const float* scales, std::int64_t rows,
                  std::int32_t columns) override;
  void load(DeviceBFloat16* qkv, DeviceBFloat16* store, std::int64_t num_slots,
            std::span<const Operand> added) override;
  void begin() override;
  void after_other() override { progress_ = {}; }
  void qkv(const Product& product, const QkvArguments& arguments) override;
  void mlp_in(const Product& product, const MlpArguments& arguments) override;
  bool add_product(const Product& product, const Residual& x, DeviceBFloat16* added) override;
  void attention(const AttentionArguments& arguments) override;
  std::vector<std::pair<std::string, const Gemm*>> chosen_products() const override;

 private:
  Gemm choose(const Operand& weight, const GemmTrial& trial) const;
  FusedGemmArguments arguments(const Product& product) const;
  static ProductScale scale(const Product& product);
  std::int64_t count_rows() const;
  std::size_t counts_bytes() const;
  std::uint32_t* next_counts();  // zeros; nullptr if none are left in this forward pass
  AttentionShape shape() const {
    return {options_.spec.num_heads, options_.spec.num_kv_heads, options_.spec.head_dim};
  }

  KernelSetOptions options_;
  GemmLibrary library_;
  std::deque<GemmView> views_;                     // of operands
  std::map<std::int32_t, Gemm> library_products_;  // cuBLASLt products to add, by inputs, for small batches
  AttentionViews attention_views_{};
  DeviceBuffer counts_;          // [products with counts, count_rows()]
  std::size_t num_counted_ = 0;  // products with counts in this forward pass
  GemmProgress progress_;        // of the last launch, if it is a product with counts
};

}  // namespace rerank::cuda
