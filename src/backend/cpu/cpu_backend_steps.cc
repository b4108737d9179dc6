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
          .tiles = norm_tiles()};
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
  const Kernels& first_layer = kernels_of(0);
  const NormKernels norms = norms_of(first_layer);
  move(Step::kEmbed, 8.0 * num_rows_ * spec_.hidden, [&] {
    for_row_tiles(first_layer, [&](std::int32_t first, std::int32_t end) {
      for (std::int32_t row = first; row < end; ++row) embed_row(row);
      if (!spec_.embedding_norm) return;
      (norms_behind_ ? norms.to_both
                     : norms.to_rows)(norm_task(weights_->model().embedding_norm, first, end));
    });
  });
  if (norms_behind_ && !spec_.embedding_norm) pack_hidden(first_layer);
}

const PackedLayer& CpuBackend::weights(std::int32_t layer) const {
  return weights_->model().layers[static_cast<std::size_t>(layer)];
}

void CpuBackend::pack_hidden(const Kernels& kernels) {
  for_row_tiles(kernels, [&](std::int32_t first, std::int32_t end) {
    for (std::int32_t row = first; row < end; ++row)
      kernels.pack_row(hidden_.as<float>() + std::int64_t{row} * spec_.hidden, norm_tiles(), row);
  });
}

RowTiles CpuBackend::output_rows(const Kernels& kernels, const RowTiles& tiles) const {
  return {kernels.quantize_staged != nullptr ? staged_.data() : tiles.data, tiles.k};
}

void CpuBackend::finish_rows(const Kernels& kernels, const RowTiles& tiles) {
  if (kernels.quantize_staged == nullptr) return;
  const auto bytes_of_value = static_cast<double>(1 + format_bytes(kernels.arithmetic.keys));
  move(Step::kQuantize, bytes_of_value * num_rows_ * tiles.k, [&] {
    for_row_tiles(kernels, [&](std::int32_t first, std::int32_t end) {
      for (std::int32_t row = first; row < end; ++row) kernels.quantize_staged(staged_.data(), tiles, row);
    });
  });
}

void CpuBackend::prepare_tiles(const Kernels& kernels, const PackedNorm& norm, bool has_norm) {
  if (norms_behind_) return;
  if (!has_norm) return pack_hidden(kernels);
  const NormKernels norms = norms_of(kernels);
  move(Step::kNorms, (4.0 + format_bytes(kernels.arithmetic.rows)) * num_rows_ * spec_.hidden, [&] {
    for_row_tiles(kernels,
                  [&](std::int32_t first, std::int32_t end) { norms.to_tiles(norm_task(norm, first, end)); });
  });
}

void CpuBackend::multiply(Step step, const Kernels& kernels, const PackedMatrix& matrix, GemmTask task) {
  task.num_rows = num_rows_;
  task.panels = matrix.panels;
  task.bias = matrix.bias;
  const double outputs = 1.0 * (task.end_panel - task.first_panel) * kPanelColumns;
  compute(step, 2.0 * num_rows_ * outputs * task.rows.k, [&] { run_gemm(pool_, kernels, task); });
}

void CpuBackend::add_product(Step step, const Kernels& kernels, const PackedMatrix& matrix,
                             const RowTiles& rows, const PackedNorm& norm, const Kernels& next) {
  multiply(step, kernels, matrix,
           {.rows = rows,
            .end_panel = matrix.num_panels,
            .epilogue = Epilogue::kAdd,
            .out = hidden_.as<float>(),
            .out_stride = spec_.hidden});
  if (!norms_behind_) return;
  const NormKernels norms = norms_of(next);
  move(Step::kNorms, (8.0 + format_bytes(next.arithmetic.rows)) * num_rows_ * spec_.hidden, [&] {
    for_row_tiles(next,
                  [&](std::int32_t first, std::int32_t end) { norms.to_both(norm_task(norm, first, end)); });
  });
}

void CpuBackend::attention_output(std::int32_t layer) {
  const Kernels& kernels = kernels_of(layer);
  add_product(Step::kOutput, kernels, weights(layer).output, attention_tiles(), weights(layer).attention_norm,
              kernels);
}

void CpuBackend::mlp_in(std::int32_t layer) {
  const Kernels& kernels = kernels_of(layer);
  prepare_tiles(kernels, weights(layer).mlp_norm, true);
  const PackedMatrix& matrix = weights(layer).gate_up;
  multiply(Step::kMlpIn, kernels, matrix,
           {.rows = norm_tiles(),
            .end_panel = matrix.num_panels,
            .epilogue = spec_.gated ? Epilogue::kGate : Epilogue::kActivate,
            .activation = activation_,
            .ffn = output_rows(kernels, ffn_tiles())});
  finish_rows(kernels, ffn_tiles());
}

void CpuBackend::mlp_out(std::int32_t layer) {
  add_product(Step::kMlpOut, kernels_of(layer), weights(layer).down, ffn_tiles(), weights(layer).mlp_norm,
              kernels_of(layer + 1));
}

}  // namespace rerank::cpu
