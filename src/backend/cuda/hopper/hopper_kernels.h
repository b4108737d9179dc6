// Compute capability 9.0 (H100, H200): wgmma, the copy engine (TMA), clusters of blocks.
#pragma once

#include <deque>
#include <map>

#include "backend/cuda/device.h"
#include "backend/cuda/hopper/attention.h"
#include "backend/cuda/hopper/fused_gemm.h"
#include "backend/cuda/kernel_set.h"

namespace rerank::cuda {

// The first key of config.json with what these kernels do not compute of it; empty: they compute all of it.
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
  std::uint32_t* next_counts();  // zeros; or null if there are none left in this forward
  AttentionShape shape() const {
    return {options_.spec.num_heads, options_.spec.num_kv_heads, options_.spec.head_dim};
  }

  KernelSetOptions options_;
  GemmLibrary library_;
  std::deque<GemmView> views_;                     // of operands
  std::map<std::int32_t, Gemm> library_products_;  // that are added, by inputs: cuBLASLt's, for small batches
  AttentionViews attention_views_{};
  DeviceBuffer counts_;          // [products that count, count_rows()]
  std::size_t num_counted_ = 0;  // products of this forward that count
  GemmProgress progress_;        // of what was launched last, if it is a product that counts
};

}  // namespace rerank::cuda
