// The row-wise steps and the products: embedding, norms, the MLP.
#include <algorithm>

#include "backend/cpu/cpu_backend.h"
#include "backend/cpu/gemm.h"
#include "backend/cpu/row_tiles.h"

namespace rerank::cpu {

NormTask CpuBackend::norm_task(const PackedNorm& norm, std::int32_t first_row, std::int32_t end_row) const {
  return {.x = hidden_.as<float>(),
          .weight = norm.weight,
          .bias = norm.bias,
          .eps = spec_.norm_eps,
          .k = spec_.hidden,
          .first_row = first_row,
          .end_row = end_row,
          .out = hidden_.as<float>(),
          .tiles = {norm_tiles_.data(), spec_.hidden}};
}

void CpuBackend::embed_row(std::int32_t row) {
  const auto at = static_cast<std::size_t>(row);
  const std::int64_t hidden = spec_.hidden;
  const PackedModel& model = weights_->model();
  const std::span<float> to(hidden_.as<float>() + row * hidden, static_cast<std::size_t>(hidden));
  widen(model.embedding, batch_.ids[at] * hidden, to);
  if (spec_.embedding_scale != 1) {
    for (float& x : to) x *= spec_.embedding_scale;
  }
  const auto add = [&](const float* table_row) {
    for (std::size_t i = 0; i < to.size(); ++i) to[i] += table_row[i];
  };
  if (model.type_embedding != nullptr) add(model.type_embedding + types_[at] * hidden);
  if (model.position_embedding != nullptr) add(model.position_embedding + position_rows_[at] * hidden);
}

void CpuBackend::embed() {
  for_row_tiles([&](std::int32_t first, std::int32_t end) {
    for (std::int32_t row = first; row < end; ++row) embed_row(row);
    if (!spec_.embedding_norm) return;
    (norms_behind_ ? norms_.to_both
                   : norms_.to_rows)(norm_task(weights_->model().embedding_norm, first, end));
  });
  if (norms_behind_ && !spec_.embedding_norm) pack_hidden();
}

const PackedLayer& CpuBackend::weights(std::int32_t layer) const {
  return weights_->model().layers[static_cast<std::size_t>(layer)];
}

void CpuBackend::pack_hidden() {
  for_row_tiles([&](std::int32_t first, std::int32_t end) {
    for (std::int32_t row = first; row < end; ++row) {
      kernels_->pack_row(hidden_.as<float>() + std::int64_t{row} * spec_.hidden,
                         {norm_tiles_.data(), spec_.hidden}, row);
    }
  });
}

void CpuBackend::prepare_tiles(const PackedNorm& norm, bool has_norm) {
  if (norms_behind_) return;
  if (!has_norm) return pack_hidden();
  for_row_tiles([&](std::int32_t first, std::int32_t end) { norms_.to_tiles(norm_task(norm, first, end)); });
}

void CpuBackend::multiply(const PackedMatrix& matrix, GemmTask task) {
  task.num_rows = num_rows_;
  task.panels = matrix.panels;
  task.bias = matrix.bias;
  run_gemm(pool_, *kernels_, task);
}

void CpuBackend::add_product(const PackedMatrix& matrix, const RowTiles& rows, const PackedNorm& norm) {
  multiply(matrix, {.rows = rows,
                    .end_panel = matrix.num_panels,
                    .epilogue = Epilogue::kAdd,
                    .out = hidden_.as<float>(),
                    .out_stride = spec_.hidden});
  if (!norms_behind_) return;
  for_row_tiles([&](std::int32_t first, std::int32_t end) { norms_.to_both(norm_task(norm, first, end)); });
}

void CpuBackend::attention_output(std::int32_t layer) {
  add_product(weights(layer).output, {attention_tiles_.data(), spec_.query_dim()},
              weights(layer).attention_norm);
}

void CpuBackend::mlp_in(std::int32_t layer) {
  prepare_tiles(weights(layer).mlp_norm, true);
  const PackedMatrix& matrix = weights(layer).gate_up;
  multiply(matrix, {.rows = {norm_tiles_.data(), spec_.hidden},
                    .end_panel = matrix.num_panels,
                    .epilogue = spec_.gated ? Epilogue::kGate : Epilogue::kActivate,
                    .activation = activation_,
                    .ffn = {ffn_tiles_.data(), ffn_}});
}

void CpuBackend::mlp_out(std::int32_t layer) {
  add_product(weights(layer).down, {ffn_tiles_.data(), ffn_}, weights(layer).mlp_norm);
}

}  // namespace rerank::cpu
