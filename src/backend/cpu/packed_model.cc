#include "backend/cpu/packed_model.h"

#include <algorithm>
#include <cstring>
#include <functional>
#include <initializer_list>
#include <span>

#include "backend/cpu/int8/panel.h"
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

std::size_t float_bytes(std::int64_t count) {
  return static_cast<std::size_t>(count) * 4;
}

// Rows of a head's matrix are padded to whole vectors.
std::int32_t head_stride(std::int32_t inputs) {
  return (inputs + 15) / 16 * 16;
}

std::int32_t gate_up_panels(const TransformerSpec& spec) {
  return padded_ffn(spec) / (spec.gated ? kHalfPanel : kPanelColumns);
}

struct NormAt {
  std::size_t weight = 0, bias = 0;
};
struct MatrixAt {
  std::size_t panels = 0, bias = 0;
};

// Hands out consecutive places.
class Places {
 public:
  std::size_t take(std::size_t bytes) {
    const std::size_t begin = end_;
    end_ += aligned(bytes);
    return begin;
  }
  std::size_t take_floats(std::int64_t count) { return take(float_bytes(count)); }
  NormAt take_norm(const TransformerSpec& spec) {
    const std::size_t weight = take_floats(spec.hidden);
    return {weight, take_floats(spec.norm == NormKind::kLayer ? spec.hidden : 0)};
  }
  std::size_t end() const { return end_; }

 private:
  std::size_t end_ = 0;
};

// The offset of everything from the start of a layer; what the specification lacks takes no space.
struct LayerLayout {
  NormAt attention_norm, mlp_norm;
  std::size_t query_norm, key_norm;
  MatrixAt qkv, output, gate_up, down;
  std::size_t total_bytes;

  LayerLayout(const TransformerSpec& spec, Format format) {
    Places places;
    const auto place_bias = [&](bool has_bias, std::int32_t num_panels) {
      return places.take_floats(has_bias ? num_panels * kPanelColumns : 0);
    };
    const auto place_matrix = [&](std::int32_t num_panels, std::int32_t k) {
      return places.take(static_cast<std::size_t>(num_panels) * panel_bytes(k, format));
    };
    attention_norm = places.take_norm(spec);
    query_norm = places.take_floats(spec.qk_norm ? spec.head_dim : 0);
    key_norm = places.take_floats(spec.qk_norm ? spec.head_dim : 0);
    mlp_norm = places.take_norm(spec);
    qkv.bias = place_bias(spec.qkv_bias, panels_of(spec.qkv_dim()));
    output.bias = place_bias(spec.output_bias, panels_of(spec.hidden));
    gate_up.bias = place_bias(spec.gate_bias, gate_up_panels(spec));
    down.bias = place_bias(spec.down_bias, panels_of(spec.hidden));
    qkv.panels = place_matrix(panels_of(spec.qkv_dim()), spec.hidden);
    output.panels = place_matrix(panels_of(spec.hidden), spec.query_dim());
    gate_up.panels = place_matrix(gate_up_panels(spec), spec.hidden);
    down.panels = place_matrix(panels_of(spec.hidden), padded_ffn(spec));
    total_bytes = places.end();
  }
};

// The offset of everything from the start of the weights.
struct Layout {
  LayerLayout whole, quantized;
  std::vector<std::size_t> layers;  // [num_layers]
  NormAt final_norm, embedding_norm;
  std::size_t head_no, head_yes, embedding, position_embedding, type_embedding, total_bytes;
  std::vector<NormAt> head;

  explicit Layout(const PackedForm& form)
      : whole(form.spec, form.format), quantized(form.spec, Format::kInt8) {
    const TransformerSpec& spec = form.spec;
    Places places;
    for (std::int32_t i = 0; i < spec.num_layers; ++i)
      layers.push_back(places.take((form.is_quantized(i) ? quantized : whole).total_bytes));
    final_norm = places.take_norm(spec);
    head_no = places.take_floats(spec.hidden);
    head_yes = places.take_floats(spec.hidden);
    embedding = places.take(embedding_bytes(form));
    position_embedding = places.take_floats(std::int64_t{spec.num_position_rows} * spec.hidden);
    type_embedding = places.take_floats(std::int64_t{spec.num_token_types} * spec.hidden);
    if (spec.embedding_norm) embedding_norm = places.take_norm(spec);
    std::int32_t inputs = spec.hidden;
    for (const HeadStep& step : spec.head) {
      const bool is_dense = step.kind == HeadStep::Kind::kDense;
      const std::int32_t outputs = is_dense ? step.outputs : inputs;
      const std::int64_t rows = is_dense ? outputs : 1;
      head.push_back({places.take_floats(rows * head_stride(inputs)), places.take_floats(outputs)});
      inputs = outputs;
    }
    total_bytes = places.end();
  }
};

// The weights of norms before quantized products are multiplied into those of the products: outliers of a
// row that come from the norm are not rounded, and those of the weights have a scale for each output. Where
// the norm's result is also the residual, or has a bias, its weight stays.
bool folds_norms(const PackedForm& form, std::int32_t layer) {
  return form.is_quantized(layer) && form.spec.norm_place == NormPlace::kBefore && !form.spec.norm_bias;
}

// `offset` is added in float32, as the published norms do before they multiply. An empty view becomes zeros.
void pack_floats(const TensorView& view, std::byte* to, std::int64_t count, float offset = 0) {
  const std::span<float> floats(reinterpret_cast<float*>(to), static_cast<std::size_t>(count));
  if (view.empty()) {
    std::memset(to, 0, floats.size_bytes());
    return;
  }
  widen(view, 0, floats);
  if (offset == 0) return;
  for (float& x : floats) x = offset + x;
}

void pack_norm(const Norm& norm, const TransformerSpec& spec, std::byte* base, const NormAt& at) {
  pack_floats(norm.weight, base + at.weight, spec.hidden, norm.weight.empty() ? 0 : spec.norm_weight_offset);
  if (spec.norm == NormKind::kLayer) pack_floats(norm.bias, base + at.bias, spec.hidden);
}

// Concatenates biases.
void pack_biases(std::initializer_list<TensorView> biases, std::byte* to, std::int32_t num_panels) {
  std::memset(to, 0, float_bytes(std::int64_t{num_panels} * kPanelColumns));
  for (const TensorView& bias : biases) {
    pack_floats(bias, to, bias.num_elements());
    to += float_bytes(bias.num_elements());
  }
}

void pack_gate_up_bias(const LayerWeights& layer, const TransformerSpec& spec, std::byte* to) {
  if (!spec.gated) return pack_biases({layer.gate.bias}, to, gate_up_panels(spec));
  std::memset(to, 0, float_bytes(std::int64_t{gate_up_panels(spec)} * kPanelColumns));
  auto* columns = reinterpret_cast<float*>(to);
  for (std::int32_t i = 0; i < spec.ffn; ++i) {
    float* column = columns + i / kHalfPanel * kPanelColumns + i % kHalfPanel;
    widen(layer.gate.bias, i, {column, 1});
    widen(layer.up.bias, i, {column + kHalfPanel, 1});
  }
}

// The norms and biases of a layer that the specification has, except for the weights of folded norms.
void pack_layer_floats(const LayerWeights& layer, const TransformerSpec& spec, const LayerLayout& layout,
                       std::byte* at) {
  pack_norm(layer.attention_norm, spec, at, layout.attention_norm);
  pack_norm(layer.mlp_norm, spec, at, layout.mlp_norm);
  if (spec.qk_norm) {
    pack_floats(layer.query_norm, at + layout.query_norm, spec.head_dim);
    pack_floats(layer.key_norm, at + layout.key_norm, spec.head_dim);
  }
  const auto pack = [at](bool has_bias, std::initializer_list<TensorView> biases, std::size_t to,
                         std::int32_t outputs) {
    if (has_bias) pack_biases(biases, at + to, panels_of(outputs));
  };
  pack(spec.qkv_bias, {layer.query.bias, layer.key.bias, layer.value.bias}, layout.qkv.bias, spec.qkv_dim());
  pack(spec.output_bias, {layer.output.bias}, layout.output.bias, spec.hidden);
  pack(spec.down_bias, {layer.down.bias}, layout.down.bias, spec.hidden);
  if (spec.gate_bias) pack_gate_up_bias(layer, spec, at + layout.gate_up.bias);
}

void pack_head_step(const Linear& linear, const HeadStep& step, const PackedHeadStep& packed) {
  const std::int64_t rows = step.kind == HeadStep::Kind::kDense ? step.outputs : 1;
  check(linear.weight.num_elements() == rows * packed.inputs,
        "a step of the head has a matrix of another shape");
  auto* to = const_cast<float*>(packed.weight);
  std::memset(to, 0, float_bytes(rows * packed.stride));
  for (std::int64_t row = 0; row < rows; ++row) {
    widen(linear.weight, row * packed.inputs,
          {to + row * packed.stride, static_cast<std::size_t>(packed.inputs)});
  }
  pack_floats(linear.bias, reinterpret_cast<std::byte*>(const_cast<float*>(packed.bias)),
              step.kind == HeadStep::Kind::kDense ? step.outputs : packed.inputs);
}

void copy_rows(const TensorView& matrix, std::byte* to, ThreadPool& pool) {
  constexpr std::int64_t kRows = 64;  // per task
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

// Consecutive matrices stacked as one.
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
  if (layer.up.weight.empty()) return stacked_rows({&layer.gate.weight, 1}, panel);
  PanelRows rows{.type = layer.gate.weight.type};
  for (int c = 0; c < kHalfPanel; ++c) {
    const std::int32_t row = panel * kHalfPanel + c;
    if (row >= layer.gate.weight.shape[0]) break;
    rows.rows[c] = row_data(layer.gate.weight, row);
    rows.rows[kHalfPanel + c] = row_data(layer.up.weight, row);
  }
  return rows;
}

// `factors` multiply the columns of a quantized matrix; empty: 1.
void pack_matrix(ThreadPool& pool, const std::function<PanelRows(std::int32_t)>& rows_of,
                 std::int32_t num_inputs, PackedMatrix matrix, std::span<const float> factors = {}) {
  pool.parallel_for(matrix.num_panels, [&](std::int64_t panel, int) {
    std::byte* to = const_cast<std::byte*>(matrix.panels) +
                    static_cast<std::size_t>(panel) * panel_bytes(matrix.k, matrix.format);
    const PanelRows rows = rows_of(static_cast<std::int32_t>(panel));
    matrix.format == Format::kInt8 ? pack_int8_panel(rows, num_inputs, matrix.k, factors, to)
                                   : pack_panel(rows, num_inputs, matrix.k, matrix.format, to);
  });
}

// Packs a layer into `to`, which is at `at`.
void pack_layer(const LayerWeights& layer, const PackedForm& form, const LayerLayout& layout, bool folds,
                const PackedLayer& to, std::byte* at, ThreadPool& pool) {
  const TransformerSpec& spec = form.spec;
  pack_layer_floats(layer, spec, layout, at);
  // Takes the weight out of a norm.
  const auto fold = [&](const PackedNorm& norm) {
    const std::span<float> weight(const_cast<float*>(norm.weight), static_cast<std::size_t>(spec.hidden));
    std::vector<float> factors;
    if (!folds) return factors;
    factors.assign(weight.begin(), weight.end());
    std::fill(weight.begin(), weight.end(), 1.0f);
    return factors;
  };
  const auto pack_stacked = [&](std::span<const TensorView> from, const PackedMatrix& matrix,
                                const std::vector<float>& factors = {}) {
    const auto k = static_cast<std::int32_t>(from[0].shape[1]);
    pack_matrix(
        pool, [&](std::int32_t p) { return stacked_rows(from, p); }, k, matrix, factors);
  };
  const TensorView qkv[] = {layer.query.weight, layer.key.weight, layer.value.weight};
  const bool has_norm = !layer.attention_norm.weight.empty();
  pack_stacked(qkv, to.qkv, has_norm ? fold(to.attention_norm) : std::vector<float>());
  pack_stacked({&layer.output.weight, 1}, to.output);
  pack_matrix(
      pool, [&](std::int32_t p) { return gate_up_rows(layer, p); }, spec.hidden, to.gate_up,
      fold(to.mlp_norm));
  pack_stacked({&layer.down.weight, 1}, to.down);
}

}  // namespace

std::int32_t padded_ffn(const TransformerSpec& spec) {
  return (spec.ffn + kPanelColumns - 1) / kPanelColumns * kPanelColumns;
}

PackedForm packed_form(TransformerWeights& weights, Format format, bool int8) {
  return {.spec = weights.spec(), .format = format, .int8 = int8, .embedding_type = weights.embedding_type()};
}

std::size_t packed_model_bytes(const PackedForm& form) {
  return Layout(form).total_bytes;
}

PackedModel view_packed_model(const std::byte* base, const PackedForm& form) {
  const TransformerSpec& spec = form.spec;
  const Layout layout(form);
  const auto floats = [](const std::byte* at) { return reinterpret_cast<const float*>(at); };
  const auto norm = [&](const std::byte* from, const NormAt& at) {
    return PackedNorm{floats(from + at.weight),
                      spec.norm == NormKind::kLayer ? floats(from + at.bias) : nullptr};
  };
  PackedModel model;
  for (std::int32_t i = 0; i < spec.num_layers; ++i) {
    const std::byte* at = base + layout.layers[static_cast<std::size_t>(i)];
    const bool quantized = form.is_quantized(i);
    const LayerLayout& in_layer = quantized ? layout.quantized : layout.whole;
    const auto matrix = [&](const MatrixAt& place, std::int32_t num_panels, std::int32_t k, bool has_bias) {
      return PackedMatrix{quantized ? Format::kInt8 : form.format, at + place.panels, num_panels, k,
                          has_bias ? floats(at + place.bias) : nullptr};
    };
    model.layers.push_back({
        .attention_norm = norm(at, in_layer.attention_norm),
        .query_norm = spec.qk_norm ? floats(at + in_layer.query_norm) : nullptr,
        .key_norm = spec.qk_norm ? floats(at + in_layer.key_norm) : nullptr,
        .mlp_norm = norm(at, in_layer.mlp_norm),
        .qkv = matrix(in_layer.qkv, panels_of(spec.qkv_dim()), spec.hidden, spec.qkv_bias),
        .output = matrix(in_layer.output, panels_of(spec.hidden), spec.query_dim(), spec.output_bias),
        .gate_up = matrix(in_layer.gate_up, gate_up_panels(spec), spec.hidden, spec.gate_bias),
        .down = matrix(in_layer.down, panels_of(spec.hidden), padded_ffn(spec), spec.down_bias),
    });
  }
  model.final_norm = norm(base, layout.final_norm);
  model.head_no = floats(base + layout.head_no);
  model.head_yes = floats(base + layout.head_yes);
  model.embedding = {form.embedding_type, {spec.vocab, spec.hidden}, base + layout.embedding};
  if (spec.num_position_rows > 0) model.position_embedding = floats(base + layout.position_embedding);
  if (spec.num_token_types > 0) model.type_embedding = floats(base + layout.type_embedding);
  if (spec.embedding_norm) model.embedding_norm = norm(base, layout.embedding_norm);
  std::int32_t inputs = spec.hidden;
  for (std::size_t i = 0; i < spec.head.size(); ++i) {
    const NormAt& at = layout.head[i];
    model.head.push_back({floats(base + at.weight), floats(base + at.bias), inputs, head_stride(inputs)});
    if (spec.head[i].kind == HeadStep::Kind::kDense) inputs = spec.head[i].outputs;
  }
  return model;
}

void pack_model(TransformerWeights& weights, const PackedForm& form, std::byte* base, ThreadPool& pool) {
  const TransformerSpec& spec = form.spec;
  const Layout layout(form);
  const PackedModel model = view_packed_model(base, form);
  for (std::int32_t i = 0; i < spec.num_layers; ++i) {
    const auto index = static_cast<std::size_t>(i);
    const LayerWeights layer = weights.layer(i);
    check_weights(spec, layer, i);
    pack_layer(layer, form, form.is_quantized(i) ? layout.quantized : layout.whole, folds_norms(form, i),
               model.layers[index], base + layout.layers[index], pool);
    weights.release_layer(i);
  }
  pack_norm(weights.final_norm(), spec, base, layout.final_norm);
  pack_floats(weights.head_no(), base + layout.head_no, spec.hidden);
  pack_floats(weights.head_yes(), base + layout.head_yes, spec.hidden);
  copy_rows(weights.embedding(), base + layout.embedding, pool);
  pack_floats(weights.position_embedding(), base + layout.position_embedding,
              std::int64_t{spec.num_position_rows} * spec.hidden);
  pack_floats(weights.type_embedding(), base + layout.type_embedding,
              std::int64_t{spec.num_token_types} * spec.hidden);
  if (spec.embedding_norm) pack_norm(weights.embedding_norm(), spec, base, layout.embedding_norm);
  for (std::size_t i = 0; i < spec.head.size(); ++i)
    pack_head_step(weights.head_step(static_cast<std::int32_t>(i)), spec.head[i], model.head[i]);
}

}  // namespace rerank::cpu
