// The steps around attention: computing queries, keys and values, and storing the latter.
#include <algorithm>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/row_tiles.h"

namespace rerank::cpu {
namespace {

constexpr std::int32_t kRowsOfTask = 8;

}  // namespace

void CpuBackend::qkv(std::int32_t layer, Projection projection) {
  const Kernels& kernels = kernels_of(layer);
  prepare_tiles(kernels, weights(layer).attention_norm, spec_.attention_of(layer).has_norm);
  const std::int32_t query_panels = spec_.query_dim() / kPanelColumns;
  const PackedMatrix& matrix = weights(layer).qkv;
  multiply(Step::kQkv, kernels, matrix,
           {.rows = norm_tiles(),
            .first_panel = projection == Projection::kKeyValue ? query_panels : 0,
            .end_panel = projection == Projection::kQuery ? query_panels : matrix.num_panels,
            .epilogue = Epilogue::kStore,
            .out = qkv_.as<float>(),
            .out_stride = spec_.qkv_dim()});
  const std::int32_t columns = (projection == Projection::kKeyValue ? 0 : spec_.query_dim()) +
                               (projection == Projection::kQuery ? 0 : 2 * spec_.kv_dim());
  move(Step::kHeads, 8.0 * num_rows_ * columns, [&] { finish_and_keep(layer, projection); });
}

std::byte* CpuBackend::kept(std::int32_t layer, int which, std::int32_t slot) const {
  const std::size_t rows =
      static_cast<std::size_t>(layer * 2 + which) * static_cast<std::size_t>(limits_.num_slots);
  return kept_.data() + (rows + static_cast<std::size_t>(slot)) * kv_row_bytes_;
}

std::byte* CpuBackend::transient(int which, std::int32_t row) const {
  const std::size_t rows = static_cast<std::size_t>(which) * static_cast<std::size_t>(limits_.max_tokens);
  return transient_.data() + (rows + static_cast<std::size_t>(row)) * kv_row_bytes_;
}

void CpuBackend::finish_and_keep(std::int32_t layer, Projection projection) {
  const PackedLayer& w = weights(layer);
  const LayerPlan& plan = plans_[static_cast<std::size_t>(layer)];
  const std::int32_t half = spec_.head_dim / 2;
  pool_.parallel_for(ceil_divide(num_rows_, kRowsOfTask), [&](std::int64_t task, int) {
    const auto first = static_cast<std::int32_t>(task) * kRowsOfTask;
    for (std::int32_t row = first; row < std::min(first + kRowsOfTask, num_rows_); ++row) {
      float* query = qkv_.as<float>() + std::int64_t{row} * spec_.qkv_dim();
      float* key = query + spec_.query_dim();
      HeadTask heads{.x = query,
                     .num_heads = spec_.num_heads,
                     .head_dim = spec_.head_dim,
                     .weight = w.query_norm,
                     .eps = spec_.norm_eps};
      if (plan.rotation != nullptr) {
        const std::int64_t position = positions_[static_cast<std::size_t>(row)];
        heads.cosine = plan.rotation->cosine.data() + position * half;
        heads.sine = plan.rotation->sine.data() + position * half;
      }
      const bool finishes = plan.finish_heads != nullptr;
      if (finishes && projection != Projection::kKeyValue) plan.finish_heads(heads);
      if (projection == Projection::kQuery) continue;
      heads.x = key;
      heads.num_heads = spec_.num_kv_heads;
      heads.weight = w.key_norm;
      if (finishes) plan.finish_heads(heads);
      const std::int32_t slot = slots_[static_cast<std::size_t>(row)];
      for (int which = 0; which < 2; ++which) {
        kernels_->store_kv(key + which * spec_.kv_dim(),
                           slot == kNotKept ? transient(which, row) : kept(layer, which, slot),
                           spec_.kv_dim());
      }
    }
  });
}

void CpuBackend::attention(std::int32_t layer) {
  compute(Step::kAttention, clock_ != nullptr ? attention_flop() : 0, [&] {
    pool_.parallel_for(static_cast<std::int64_t>(blocks_.size()), [&](std::int64_t block, int thread) {
      attend(blocks_[static_cast<std::size_t>(block)], layer, thread);
    });
  });
  finish_rows(kernels_of(layer), attention_tiles());
}

double CpuBackend::attention_flop() const {
  double pairs = 0;  // of a query and a key that it sees, of one kv head and one query head of its group
  for (const AttentionBlock& block : blocks_) {
    const Segment& segment = batch_.segments[static_cast<std::size_t>(block.segment)];
    const double keys = spec_.mask == Mask::kCausal ? block.position + (block.num_rows + 1) / 2.0
                                                    : segment.first_position + segment.num_tokens;
    pairs += block.num_rows * keys;
  }
  return 4.0 * pairs * spec_.head_dim * spec_.num_heads / spec_.num_kv_heads;
}

void CpuBackend::attend(const AttentionBlock& block, std::int32_t layer, int thread) {
  const Segment& segment = batch_.segments[static_cast<std::size_t>(block.segment)];
  const LayerPlan& plan = plans_[static_cast<std::size_t>(layer)];
  const std::size_t head_bytes =
      static_cast<std::size_t>(block.kv_head * spec_.head_dim) * format_bytes(kernels_->arithmetic.keys);
  std::vector<KeyRun>& runs = runs_[static_cast<std::size_t>(thread)];
  runs.clear();
  const auto add_kept = [&](std::int32_t slot, std::int32_t num_tokens) {
    runs.push_back({kept(layer, 0, slot) + head_bytes, kept(layer, 1, slot) + head_bytes, num_tokens});
  };
  for (std::int32_t i = 0; i < segment.num_ranges; ++i) {
    const KeyRange& range = batch_.ranges[static_cast<std::size_t>(segment.first_range + i)];
    add_kept(range.slot, range.num_tokens);
  }
  if (segment.slot != kNotKept) {
    add_kept(segment.slot, segment.num_tokens);
  } else {
    runs.push_back({transient(0, segment.first_row) + head_bytes,
                    transient(1, segment.first_row) + head_bytes, segment.num_tokens});
  }
  const std::int32_t group = spec_.num_heads / spec_.num_kv_heads;
  const std::int32_t column = block.kv_head * group * spec_.head_dim;
  const Kernels& kernels = kernels_of(layer);
  const auto attention = spec_.mask == Mask::kCausal ? kernels.attention : kernels.prompt_attention;
  attention({.runs = runs.data(),
             .num_runs = static_cast<std::int32_t>(runs.size()),
             .kv_stride = spec_.kv_dim(),
             .head_dim = spec_.head_dim,
             .group = group,
             .first_position = block.position,
             .reach_back = plan.reach_back,
             .reach_ahead = plan.reach_ahead,
             .num_keys = segment.first_position + segment.num_tokens,
             .num_rows = block.num_rows,
             .queries = qkv_.as<float>() + std::int64_t{block.row} * spec_.qkv_dim() + column,
             .query_stride = spec_.qkv_dim(),
             .first_row = block.row,
             .first_column = column,
             .out = output_rows(kernels, attention_tiles()),
             .scratch = scratch_.data() + static_cast<std::size_t>(thread) * scratch_bytes_});
}

}  // namespace rerank::cpu
