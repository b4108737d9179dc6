// The steps of a transformer on one device: the whole model, or one shard of it. It does not sum over shards.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backend/backend.h"
#include "backend/cuda/batch_layout.h"
#include "backend/cuda/collective/rank_sum.h"
#include "backend/cuda/device.h"
#include "backend/cuda/kernel_clock.h"
#include "backend/cuda/kernel_set.h"
#include "backend/cuda/patience.h"
#include "backend/cuda/rows/layer_norm.h"
#include "backend/cuda/weights.h"

namespace rerank::cuda {

struct RankOptions {
  int device = 0;
  Shard shard;
  NumberType type = NumberType::kBFloat16;  // of products in the middle layers
  double gpu_memory_utilization = 0.9;      // maximum share of the device's memory to use
  Patience patience;
};

// The steps of Backend, see there; they return before the device is done. Not safe from several threads at
// once.
class DeviceRank {
 public:
  static constexpr int kInFlight = 2;  // forward passes that are begun but not finished

  // Throws Error{kUnsupported} with the total size if the model does not fit the device.
  DeviceRank(TransformerWeights& weights, const BackendLimits& limits, const RankOptions& options);

  void begin(const PackedBatch& batch);
  void embed();
  void qkv(std::int32_t layer, Projection projection);
  void attention(std::int32_t layer);
  void attention_output(std::int32_t layer);
  void mlp_in(std::int32_t layer);
  void mlp_out(std::int32_t layer);
  void pool();
  void head();
  void finish(std::span<float> logits);

  void read(Activation activation, std::span<float> out);
  void write(Activation activation, std::span<const float> values);

  // From now on marks each kernel; nullptr: none.
  void measure(KernelClock* clock) { clock_ = clock; }
  // The algorithms chosen for cuBLASLt's products, by name.
  std::vector<std::pair<std::string, const Gemm*>> chosen_products() const {
    return kernels_->chosen_products();
  }

  int device() const { return options_.device; }
  cudaStream_t stream() const { return stream_.get(); }
  // What attention_output and down write and the next step adds to the hidden states; with several shards,
  // after their sum. The memory behind it is for that sum, see sum_layout().
  DeviceBFloat16* added() const { return added_.as<DeviceBFloat16>(); }
  SumLayout sum_layout() const { return {options_.shard.count, num_rows_, spec_.hidden}; }
  std::int64_t weight_bytes() const { return static_cast<std::int64_t>(weight_bytes_); }
  std::int64_t workspace_bytes() const { return static_cast<std::int64_t>(workspace_bytes_); }

 private:
  // The state of a forward pass that it does not share with the previous one, which may still be running.
  struct Forward {
    BatchLayout layout;
    PinnedBuffer host;
    DeviceBuffer device;
    PinnedBuffer logits;  // [max_scores, 2], written by the device
    std::unique_ptr<Event> copied, done;
  };
  struct Hidden {
    DeviceBuffer high, low, squares;
    Residual rows{};
    Operand operand{};  // high
  };
  // An activation as bfloat16 and, for quantized layers, also quantized.
  struct Rows {
    DeviceBuffer values;
    DeviceBuffer quantized_values;
    DeviceBuffer scales;
    std::int32_t columns = 0;
    QuantizedRows quantized{};
    Operand operand{}, quantized_operand{};

    // The destination for a kernel whose results are inputs of products.
    ActivationRows to(const DeviceLayer& layer) const {
      return layer.makes_e4m3() ? ActivationRows{.e4m3 = quantized.values}
                                : ActivationRows{.values = values.as<DeviceBFloat16>()};
    }
  };

  void check_memory(const TransformerSpec& whole) const;
  std::size_t activation_bytes() const;
  std::size_t store_bytes() const;
  void reserve();
  void reserve_head();
  std::int64_t head_bytes() const;  // of each buffer of head_
  void fill_frequencies();
  Hidden make_hidden(std::int64_t num_rows);
  Rows make_rows(std::int32_t columns, bool has_values);
  SumLayout largest_sum() const { return {options_.shard.count, limits_.max_tokens, spec_.hidden}; }
  void add_now();
  // Prepares the input of a product that follows a norm.
  void prepare_norm(bool quantized, const DeviceNorm& norm);
  RowNorm row_norm(const DeviceNorm& norm) const {
    return {spec_.norm, norm.weight.as<float>(), norm.bias.as<float>(), spec_.norm_eps};
  }
  void add_norm(const RowNorm& norm, DeviceBFloat16* out);
  // Quantizes x if the layer's products need it and the kernel that wrote x has not done so.
  void quantize(const DeviceLayer& layer, const Rows& x, const char* name);
  void add_product(const Rows& x, const DeviceMatrix& weight, const char* name);
  // With has_row_norms: the bias and the norm to apply when the product in added() is added.
  void add_later(const DeviceBuffer& bias, const DeviceNorm& norm) {
    added_bias_ = bias.as<float>();
    norm_behind_ = spec_.norm_place == NormPlace::kBehind ? row_norm(norm) : RowNorm{};
  }
  void run_head();
  QkvArguments qkv_arguments(std::int32_t layer, Projection projection);
  // The product of a weight with the input that prepare_norm prepared.
  Product norm_product(const DeviceLayer& layer, const DeviceMatrix& weight) const {
    if (layer.is_quantized()) return {normed_.quantized_operand, weight.operand, num_rows_};
    if (has_row_norms_) {
      const bool is_before = spec_.norm_place == NormPlace::kBefore;
      return {is_before ? normed_.operand : hidden_now_->operand, weight.operand, num_rows_};
    }
    return {hidden_now_->operand, weight.operand, num_rows_, hidden_now_->rows.squares, spec_.norm_eps};
  }
  const DeviceLayer& layer(std::int32_t layer) const {
    return weights_.layers[static_cast<std::size_t>(layer)];
  }
  DeviceBFloat16* store(std::int32_t layer) const;
  AttentionShape attention_shape() const { return {spec_.num_heads, spec_.num_kv_heads, spec_.head_dim}; }
  // Called after each launch of a kernel, of the kernel set or another.
  void launched_by_set(const char* kernel) {
    if (clock_ != nullptr) clock_->mark(kernel, stream_.get());
  }
  void launched(const char* kernel) {
    kernels_->after_other();
    launched_by_set(kernel);
  }
  Forward& current() { return forwards_[(num_begun_ + kInFlight - 1) % kInFlight]; }
  std::pair<DeviceBFloat16*, std::int32_t> buffer(
      Activation activation) const;  // all except kHidden, and its stride

  RankOptions options_;
  TransformerSpec spec_;  // of the shard
  bool has_row_norms_ = false;
  BackendLimits limits_;
  std::int32_t ffn_ = 0;  // padded
  int num_processors_ = 0;
  std::size_t weight_bytes_ = 0;
  std::size_t workspace_bytes_ = 0;
  Stream stream_;
  Stream copies_;  // for batches
  std::unique_ptr<KernelSet> kernels_;
  DeviceWeights weights_;
  // float32 [head_dim / 2] each, for rotary embeddings, followed by zeros for layers without rotation.
  std::vector<DeviceBuffer> frequencies_;
  Hidden hidden_;         // [max_tokens, hidden]
  Hidden scored_hidden_;  // [max_scores, hidden]
  DeviceBuffer added_;    // [max_tokens, hidden], to be added to the hidden states; plus room for its sum
  DeviceBuffer qkv_;      // [max_tokens, qkv_dim]
  Rows normed_;           // [max_tokens, hidden], in quantized layers, or for row norms before products
  Rows attention_;        // [max_tokens, query_dim]
  Rows ffn_rows_;         // [max_tokens, ffn]
  DeviceBuffer head_[2];  // float32 [max_scores, widest step], one for input and one for output
  DeviceBuffer store_;    // [num_layers, num_slots, 2, kv_dim]

  Forward forwards_[kInFlight];
  std::uint64_t num_begun_ = 0;
  std::uint64_t num_finished_ = 0;
  Hidden* hidden_now_ = nullptr;
  bool is_to_be_added_ = false;  // added_, with the next two
  const float* added_bias_ = nullptr;
  RowNorm norm_behind_{};
  std::int32_t num_rows_ = 0;
  bool gathered_ = false;  // whether only scored rows are left
  PieceList pieces_;
  KernelClock* clock_ = nullptr;
};

}  // namespace rerank::cuda
