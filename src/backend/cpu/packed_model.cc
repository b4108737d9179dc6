#include "backend/cpu/packed_model.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <span>

#include "backend/cpu/panel_packing.h"

namespace rerank::cpu {
namespace {

std::size_t aligned(std::size_t bytes) {
  return (bytes + 63) / 64 * 64;
}

std::int32_t panels_of(std::int32_t outputs) {
  return (outputs + kPanelColumns - 1) / kPanelColumns;
}

std::size_t embedding_bytes(const PackedForm& form) {
  return static_cast<std::size_t>(form.spec.vocab) * static_cast<std::size_t>(form.spec.hidden) *
         element_bytes(form.embedding_type);
}

// Where everything lies, from the start of the weights.
struct Layout {
  // In a layer; what the specification lacks takes no room.
  std::size_t attention_norm, query_norm, key_norm, mlp_norm, qkv_bias, qkv, output, gate_up, down;
  std::size_t layer_bytes;
  std::size_t final_norm, head_no, head_yes, embedding, total_bytes;

  explicit Layout(const PackedForm& form) {
    const TransformerSpec& spec = form.spec;
    std::size_t at = 0;
    const auto place = [&at](std::size_t bytes) {
      const std::size_t begin = at;
      at += aligned(bytes);
      return begin;
    };
    const auto place_floats = [&](std::int32_t count) { return place(static_cast<std::size_t>(count) * 4); };
    const auto place_matrix = [&](std::int32_t num_panels, std::int32_t k) {
      return place(static_cast<std::size_t>(num_panels) * panel_bytes(k, form.format));
    };
    attention_norm = place_floats(spec.hidden);
    query_norm = place_floats(spec.qk_norm ? spec.head_dim : 0);
    key_norm = place_floats(spec.qk_norm ? spec.head_dim : 0);
    mlp_norm = place_floats(spec.hidden);
    qkv_bias = place_floats(spec.qkv_bias ? spec.qkv_dim() : 0);
    qkv = place_matrix(panels_of(spec.qkv_dim()), spec.hidden);
    output = place_matrix(panels_of(spec.hidden), spec.query_dim());
    gate_up = place_matrix(padded_ffn(spec) / kHalfPanel, spec.hidden);
    down = place_matrix(panels_of(spec.hidden), padded_ffn(spec));
    layer_bytes = at;
    at *= static_cast<std::size_t>(spec.num_layers);
    final_norm = place_floats(spec.hidden);
    head_no = place_floats(spec.hidden);
    head_yes = place_floats(spec.hidden);
    embedding = place(embedding_bytes(form));
    total_bytes = at;
  }
};

// `offset` is added in float32, as the published norms do before they multiply.
void pack_floats(const TensorView& view, std::byte* to, std::int32_t count, float offset = 0) {
  const std::span<float> floats(reinterpret_cast<float*>(to), static_cast<std::size_t>(count));
  if (view.empty()) {
    std::memset(to, 0, floats.size_bytes());
    return;
  }
  widen(view, 0, floats);
  if (offset == 0) return;
  for (float& x : floats) x = offset + x;
}

// Those on heads and the biases, where the specification has them.
void pack_attention_floats(const LayerWeights& layer, const TransformerSpec& spec, const Layout& layout,
                           std::byte* at) {
  if (spec.qk_norm) {
    pack_floats(layer.query_norm, at + layout.query_norm, spec.head_dim);
    pack_floats(layer.key_norm, at + layout.key_norm, spec.head_dim);
  }
  if (!spec.qkv_bias) return;
  std::byte* bias = at + layout.qkv_bias;
  pack_floats(layer.query.bias, bias, spec.query_dim());
  pack_floats(layer.key.bias, bias + 4 * spec.query_dim(), spec.kv_dim());
  pack_floats(layer.value.bias, bias + 4 * (spec.query_dim() + spec.kv_dim()), spec.kv_dim());
}

void copy_rows(const TensorView& matrix, std::byte* to, ThreadPool& pool) {
  constexpr std::int64_t kRows = 64;  // of a piece
  const std::size_t row_bytes = matrix.row(0).size_bytes();
  pool.parallel_for((matrix.shape[0] + kRows - 1) / kRows, [&](std::int64_t piece, int) {
    const std::int64_t first = piece * kRows, count = std::min(kRows, matrix.shape[0] - first);
    std::memcpy(to + static_cast<std::size_t>(first) * row_bytes, matrix.row(first).data,
                static_cast<std::size_t>(count) * row_bytes);
  });
}

const std::byte* row_data(const TensorView& matrix, std::int32_t row) {
  return matrix.row(row).data;
}

// The rows of consecutive matrices as one.
PanelRows stacked_rows(std::span<const TensorView> matrices, std::int32_t panel) {
  PanelRows rows{.type = matrices[0].type};
  std::int32_t row = panel * kPanelColumns;
  std::size_t matrix = 0;
  for (int c = 0; c < kPanelColumns; ++c, ++row) {
    while (matrix < matrices.size() && row >= matrices[matrix].shape[0]) {
      row -= static_cast<std::int32_t>(matrices[matrix++].shape[0]);
    }
    if (matrix == matrices.size()) break;
    rows.rows[c] = row_data(matrices[matrix], row);
  }
  return rows;
}

PanelRows gate_up_rows(const LayerWeights& layer, std::int32_t panel) {
  PanelRows rows{.type = layer.gate.weight.type};
  for (int c = 0; c < kHalfPanel; ++c) {
    const std::int32_t row = panel * kHalfPanel + c;
    if (row >= layer.gate.weight.shape[0]) break;
    rows.rows[c] = row_data(layer.gate.weight, row);
    rows.rows[kHalfPanel + c] = row_data(layer.up.weight, row);
  }
  return rows;
}

void pack_matrix(ThreadPool& pool, const std::function<PanelRows(std::int32_t)>& rows_of,
                 std::int32_t num_inputs, PackedMatrix matrix) {
  pool.parallel_for(matrix.num_panels, [&](std::int64_t panel, int) {
    std::byte* to = const_cast<std::byte*>(matrix.panels) +
                    static_cast<std::size_t>(panel) * panel_bytes(matrix.k, matrix.format);
    pack_panel(rows_of(static_cast<std::int32_t>(panel)), num_inputs, matrix.k, matrix.format, to);
  });
}

}  // namespace

std::int32_t padded_ffn(const TransformerSpec& spec) {
  return (spec.ffn + kHalfPanel - 1) / kHalfPanel * kHalfPanel;
}

PackedForm packed_form(TransformerWeights& weights, Format format) {
  return {.spec = weights.spec(), .format = format, .embedding_type = weights.embedding_type()};
}

std::size_t packed_model_bytes(const PackedForm& form) {
  return Layout(form).total_bytes;
}

PackedModel view_packed_model(const std::byte* base, const PackedForm& form) {
  const TransformerSpec& spec = form.spec;
  const Layout layout(form);
  const auto floats = [](const std::byte* at) { return reinterpret_cast<const float*>(at); };
  PackedModel model;
  for (std::int32_t i = 0; i < spec.num_layers; ++i) {
    const std::byte* at = base + static_cast<std::size_t>(i) * layout.layer_bytes;
    model.layers.push_back({
        .attention_norm = floats(at + layout.attention_norm),
        .query_norm = spec.qk_norm ? floats(at + layout.query_norm) : nullptr,
        .key_norm = spec.qk_norm ? floats(at + layout.key_norm) : nullptr,
        .mlp_norm = floats(at + layout.mlp_norm),
        .qkv_bias = spec.qkv_bias ? floats(at + layout.qkv_bias) : nullptr,
        .qkv = {form.format, at + layout.qkv, panels_of(spec.qkv_dim()), spec.hidden},
        .output = {form.format, at + layout.output, panels_of(spec.hidden), spec.query_dim()},
        .gate_up = {form.format, at + layout.gate_up, padded_ffn(spec) / kHalfPanel, spec.hidden},
        .down = {form.format, at + layout.down, panels_of(spec.hidden), padded_ffn(spec)},
    });
  }
  model.final_norm = floats(base + layout.final_norm);
  model.head_no = floats(base + layout.head_no);
  model.head_yes = floats(base + layout.head_yes);
  model.embedding = {form.embedding_type, {spec.vocab, spec.hidden}, base + layout.embedding};
  return model;
}

void pack_model(TransformerWeights& weights, const PackedForm& form, std::byte* base, ThreadPool& pool) {
  const TransformerSpec& spec = form.spec;
  const Layout layout(form);
  const PackedModel model = view_packed_model(base, form);
  for (std::int32_t i = 0; i < spec.num_layers; ++i) {
    const LayerWeights layer = weights.layer(i);
    std::byte* at = base + static_cast<std::size_t>(i) * layout.layer_bytes;
    check_weights(spec, layer, i);
    pack_floats(layer.attention_norm.weight, at + layout.attention_norm, spec.hidden,
                spec.norm_weight_offset);
    pack_floats(layer.mlp_norm.weight, at + layout.mlp_norm, spec.hidden, spec.norm_weight_offset);
    pack_attention_floats(layer, spec, layout, at);
    const PackedLayer& to = model.layers[static_cast<std::size_t>(i)];
    const TensorView qkv[] = {layer.query.weight, layer.key.weight, layer.value.weight};
    pack_matrix(
        pool, [&](std::int32_t p) { return stacked_rows(qkv, p); }, spec.hidden, to.qkv);
    pack_matrix(
        pool,
        [&](std::int32_t p) {
          return stacked_rows({&layer.output.weight, 1}, p);
        },
        spec.query_dim(), to.output);
    pack_matrix(
        pool, [&](std::int32_t p) { return gate_up_rows(layer, p); }, spec.hidden, to.gate_up);
    pack_matrix(
        pool,
        [&](std::int32_t p) {
          return stacked_rows({&layer.down.weight, 1}, p);
        },
        spec.ffn, to.down);
    weights.release_layer(i);
  }
  pack_floats(weights.final_norm().weight, base + layout.final_norm, spec.hidden, spec.norm_weight_offset);
  pack_floats(weights.head_no(), base + layout.head_no, spec.hidden);
  pack_floats(weights.head_yes(), base + layout.head_yes, spec.hidden);
  copy_rows(weights.embedding(), base + layout.embedding, pool);
}

}  // namespace rerank::cpu
