// The CPU backend: every step consists of tasks over rows and panels, which a thread pool executes.
#pragma once

#include <algorithm>
#include <memory>
#include <vector>

#include "backend/backend.h"
#include "backend/cpu/arithmetic.h"
#include "backend/cpu/kernels.h"
#include "backend/cpu/packed_weights.h"
#include "backend/cpu/step_clock.h"
#include "base/memory_block.h"
#include "base/thread_pool.h"

namespace rerank::cpu {

class CpuBackend final : public Backend {
 public:
  explicit CpuBackend(const BackendOptions& options);

  void load(TransformerWeights& weights, const BackendLimits& limits) override;
  BackendInfo info() const override;

  void begin(const PackedBatch& batch) override;
  void embed() override;
  void qkv(std::int32_t layer, Projection projection) override;
  void attention(std::int32_t layer) override;
  void attention_output(std::int32_t layer) override;
  void mlp_in(std::int32_t layer) override;
  void mlp_out(std::int32_t layer) override;
  void pool() override;
  void head() override;
  void finish(std::span<float> logits) override;

  void read(Activation activation, std::span<float> out) override;
  void write(Activation activation, std::span<const float> values) override;

  // Measures the steps from now on; nullptr: no longer.
  void measure(StepClock* clock) { clock_ = clock; }

 private:
  // The queries of one kv head in a block of consecutive rows of one segment.
  struct AttentionBlock {
    std::int32_t segment;
    std::int32_t row;  // in hidden
    std::int32_t num_rows;
    std::int32_t position;  // of the first row
    std::int32_t kv_head;
  };
  struct Rotation {
    std::vector<float> cosine;  // [max_positions, head_dim / 2]
    std::vector<float> sine;    // [max_positions, head_dim / 2]
  };
  // What the specification determines for a layer.
  struct LayerPlan {
    void (*finish_heads)(const HeadTask&) = nullptr;  // nullptr: neither norm nor rotation
    const Rotation* rotation = nullptr;
    std::int32_t reach_back = kUnbounded;
    std::int32_t reach_ahead = 0;
  };

  // Runs a step whose work is in floating point operations, or in bytes read and written.
  template <typename Body>
  void compute(Step step, double flop, const Body& body) {
    clock_ != nullptr ? clock_->time(step, flop, 0, body) : body();
  }
  template <typename Body>
  void move(Step step, double bytes, const Body& body) {
    clock_ != nullptr ? clock_->time(step, 0, bytes, body) : body();
  }

  // Loading.
  void check_spec() const;
  void choose_steps();
  void reserve(const BackendLimits& limits);
  void fill_rotations();

  void add_table_rows(const Segment& segment);
  void add_attention_blocks(std::int32_t segment, std::int32_t row, std::int32_t num_rows,
                            std::int32_t position);
  // The kernels of a layer's products and of the steps that make their inputs.
  const Kernels& kernels_of(std::int32_t layer) const;
  NormKernels norms_of(const Kernels& kernels) const {
    return spec_.norm == NormKind::kRms ? kernels.rms_norm : kernels.layer_norm;
  }
  // Calls body(first_row, end_row) for all rows, one row tile at a time.
  template <typename Body>
  void for_row_tiles(const Kernels& kernels, const Body& body) {
    const std::int32_t rows = kernels.tile_rows;
    pool_.parallel_for((num_rows_ + rows - 1) / rows, [&](std::int64_t tile, int) {
      const auto first = static_cast<std::int32_t>(tile) * rows;
      body(first, std::min(first + rows, num_rows_));
    });
  }
  NormTask norm_task(const PackedNorm& norm, std::int32_t first_row, std::int32_t end_row) const;
  void embed_row(std::int32_t row);
  // Prepares the input tiles of a product: hidden, normalized if the norm comes before the step.
  void prepare_tiles(const Kernels& kernels, const PackedNorm& norm, bool has_norm);
  void pack_hidden(const Kernels& kernels);
  // Where a step writes the input of the next product, and what turns it into tiles.
  RowTiles output_rows(const Kernels& kernels, const RowTiles& tiles) const;
  void finish_rows(const Kernels& kernels, const RowTiles& tiles);
  void multiply(Step step, const Kernels& kernels, const PackedMatrix& matrix, GemmTask task);
  // Adds a product to hidden. Where norms come behind, `next` makes tiles of the result.
  void add_product(Step step, const Kernels& kernels, const PackedMatrix& matrix, const RowTiles& rows,
                   const PackedNorm& norm, const Kernels& next);
  RowTiles norm_tiles() const { return {norm_tiles_.data(), spec_.hidden}; }
  RowTiles attention_tiles() const { return {attention_tiles_.data(), spec_.query_dim()}; }
  RowTiles ffn_tiles() const { return {ffn_tiles_.data(), ffn_}; }
  void finish_and_keep(std::int32_t layer, Projection projection);
  // Of all blocks; windows are not looked at.
  double attention_flop() const;
  void attend(const AttentionBlock& block, std::int32_t layer, int thread);
  void gather_scored();
  void average_scored();
  void score_rows();
  // Applies a step of the head to the rows of state_[from] and writes the other one.
  void run_head_step(std::size_t step, int from);
  // Keys (0) or values (1) of `layer`, of a cached slot, or of a row of this batch whose segment is not
  // cached.
  std::byte* kept(std::int32_t layer, int which, std::int32_t slot) const;
  std::byte* transient(int which, std::int32_t row) const;
  const PackedLayer& weights(std::int32_t layer) const;

  BackendOptions options_;
  ThreadPool pool_;
  StepClock* clock_ = nullptr;
  KernelChoice choice_;
  const Kernels* kernels_ = nullptr;  // of layers that are not quantized
  // Chosen by the specification.
  bool norms_behind_ = false;  // if so, norm_tiles_ always contain hidden
  ActivationFunction activation_ = ActivationFunction::kSilu;
  std::vector<LayerPlan> plans_;  // [num_layers]
  TransformerSpec spec_;
  BackendLimits limits_;
  std::unique_ptr<PackedWeights> weights_;

  std::int32_t ffn_ = 0;              // padded
  std::int32_t block_positions_ = 0;  // maximum rows of an attention block
  std::size_t kv_row_bytes_ = 0;
  std::size_t scratch_bytes_ = 0;  // of a thread
  MemoryBlock hidden_;             // [max_tokens, hidden]
  MemoryBlock qkv_;                // [max_tokens, qkv_dim]
  MemoryBlock norm_tiles_;         // row tiles of hidden
  MemoryBlock attention_tiles_;    // row tiles of query_dim
  MemoryBlock ffn_tiles_;          // row tiles of ffn
  MemoryBlock staged_;             // [max_tokens, query_dim or ffn], before quantization
  MemoryBlock kept_;               // [num_layers, 2, num_slots, kv_dim]
  MemoryBlock transient_;          // [2, max_tokens, kv_dim], of the current layer
  MemoryBlock scratch_;            // [threads]
  MemoryBlock state_[2];           // [max_scores, widest], input and output of a head step
  std::vector<Rotation> rotations_;
  std::vector<std::vector<KeyRun>> runs_;  // [threads][max ranges + 1]

  PackedBatch batch_;
  std::int32_t num_rows_ = 0;                // of hidden: num_tokens, or num_scores after pool()
  std::vector<std::int32_t> positions_;      // [num_rows]
  std::vector<std::int32_t> position_rows_;  // [num_tokens], of the position table
  std::vector<std::int32_t> types_;          // [num_tokens]
  std::vector<std::int32_t> slots_;          // [num_tokens]; kNotKept: the row is transient
  std::vector<AttentionBlock> blocks_;
  std::vector<float> logits_;  // [num_scores, 2]
};

}  // namespace rerank::cpu
