#include "backend/reference/reference_backend.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "backend/encoder_keys.h"
#include "base/thread_pool.h"
#include "rerank/error.h"

namespace rerank::reference {
namespace {

using Floats = std::vector<float>;

// Keys and values of one token in one layer.
struct KeyValue {
  Floats key;    // [kv_dim]
  Floats value;  // [kv_dim]
};

Floats to_floats(const TensorView& view) {
  Floats out(view.empty() ? 0 : static_cast<std::size_t>(view.num_elements()));
  if (!view.empty()) widen(view, 0, out);
  return out;
}

// silu(x), or gelu(x) by its tanh approximation (Hendrycks and Gimpel 2016, as torch's approximate="tanh").
float activate(MlpActivation activation, float x) {
  if (activation == MlpActivation::kSilu) return x / (1.0f + std::exp(-x));
  const double wide = x, inner = std::sqrt(2 / std::numbers::pi) * (wide + 0.044715 * wide * wide * wide);
  return static_cast<float>(wide / 2 * (1 + std::tanh(inner)));
}

// x / sqrt(mean(x^2) + eps) * weight (Zhang and Sennrich 2019, as Qwen3RMSNorm).
void rms_norm(const float* x, const Floats& weight, float eps, float* out) {
  double squares = 0;
  for (std::size_t i = 0; i < weight.size(); ++i) squares += double{x[i]} * x[i];
  const auto scale = static_cast<float>(1.0 / std::sqrt(squares / static_cast<double>(weight.size()) + eps));
  for (std::size_t i = 0; i < weight.size(); ++i) out[i] = weight[i] * (x[i] * scale);
}

class ReferenceBackend final : public Backend {
 public:
  explicit ReferenceBackend(const BackendOptions& options)
      : pool_(options.num_threads > 0 ? options.num_threads : ThreadPool::available_processors()) {
    require(options.dtype != "bfloat16", "the reference backend computes in float32 only",
            ErrorCode::kUnsupported);
  }

  void load(TransformerWeights& weights, const BackendLimits& limits) override {
    weights_ = &weights;
    spec_ = weights.spec();
    const std::string key = first_encoder_key(spec_);
    require(key.empty(), "the reference backend does not compute " + key, ErrorCode::kUnsupported);
    for (std::int32_t layer = 0; layer < spec_.num_layers; ++layer)
      check_weights(spec_, weights.layer(layer), layer);
    kept_.assign(static_cast<std::size_t>(spec_.num_layers),
                 std::vector<KeyValue>(static_cast<std::size_t>(limits.num_slots)));
  }

  bool needs_weights_later() const override { return true; }
  BackendInfo info() const override {
    return {.device = "reference",
            .dtype = "float32",
            .instruction_set = "none",
            .dtype_reason = "the reference has no other",
            .weight_cache = "",
            .num_threads = pool_.num_threads()};
  }

  void begin(const PackedBatch& batch) override {
    batch_ = batch;
    rows_.clear();
    for (std::size_t s = 0; s < batch.segments.size(); ++s) {
      const Segment& segment = batch.segments[s];
      for (std::int32_t i = 0; i < segment.num_tokens; ++i) {
        rows_.push_back({static_cast<std::int32_t>(s), segment.first_position + i});
      }
    }
    transient_.assign(rows_.size(), {});
    logits_.assign(2 * static_cast<std::size_t>(batch.num_scores), 0.0f);
  }

  void embed() override {
    hidden_.resize(rows_.size() * size(spec_.hidden));
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      const std::span<float> to(hidden_.data() + row * size(spec_.hidden), size(spec_.hidden));
      widen(weights_->embedding(), std::int64_t{batch_.ids[row]} * spec_.hidden, to);
      for (float& x : to) x *= spec_.embedding_scale;
    }
  }

  void qkv(std::int32_t layer, Projection projection) override {
    project_qkv(layer, projection);
    rotate_and_keep(layer, projection);
  }

  void attention(std::int32_t layer) override {
    attention_.assign(rows_.size() * size(spec_.query_dim()), 0.0f);
    pool_.parallel_for(static_cast<std::int64_t>(rows_.size()), [&](std::int64_t row, int) {
      const std::vector<const KeyValue*> keys = visible(layer, rows_[static_cast<std::size_t>(row)]);
      for (std::int32_t head = 0; head < spec_.num_heads; ++head) attend(row, head, keys);
    });
  }

  void attention_output(std::int32_t layer) override {
    add_product(attention_, weights_->layer(layer).output.weight);
  }

  void mlp_in(std::int32_t layer) override {
    const LayerWeights w = weights_->layer(layer);
    const Floats x = normed(w.mlp_norm.weight);
    Floats up(rows_.size() * size(spec_.ffn));
    ffn_.resize(up.size());
    multiply(x, w.gate.weight, ffn_.data(), spec_.ffn);
    multiply(x, w.up.weight, up.data(), spec_.ffn);
    for (std::size_t i = 0; i < up.size(); ++i) ffn_[i] = activate(spec_.activation, ffn_[i]) * up[i];
  }

  void mlp_out(std::int32_t layer) override { add_product(ffn_, weights_->layer(layer).down.weight); }

  void pool() override {
    std::vector<Row> rows;
    Floats hidden;
    for (std::size_t s = 0; s < batch_.segments.size(); ++s) {
      const Segment& segment = batch_.segments[s];
      if (segment.score == kNotScored) continue;
      const std::int32_t last = segment.first_row + segment.num_tokens - 1;
      rows.push_back(rows_[size(last)]);
      const float* from = hidden_.data() + size(last) * size(spec_.hidden);
      hidden.insert(hidden.end(), from, from + spec_.hidden);
    }
    rows_ = std::move(rows);
    hidden_ = std::move(hidden);
  }

  void head() override {
    const Floats x = normed(weights_->final_norm().weight);
    const Floats head[] = {to_floats(weights_->head_no()), to_floats(weights_->head_yes())};
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      for (std::size_t which = 0; which < 2; ++which) {
        double sum = 0;
        for (std::size_t i = 0; i < head[which].size(); ++i) {
          sum += double{x[row * size(spec_.hidden) + i]} * head[which][i];
        }
        logits_[2 * row + which] = static_cast<float>(sum);
      }
    }
  }

  void finish(std::span<float> logits) override { std::copy(logits_.begin(), logits_.end(), logits.begin()); }

  void read(Activation activation, std::span<float> out) override {
    const Floats& from = buffer(activation);
    check(out.size() == from.size(), "wrong size to read");
    std::copy(from.begin(), from.end(), out.begin());
  }
  void write(Activation activation, std::span<const float> values) override {
    buffer(activation).assign(values.begin(), values.end());
  }

 private:
  void project_qkv(std::int32_t layer, Projection projection) {
    const LayerWeights w = weights_->layer(layer);
    const Floats x = normed(w.attention_norm.weight);
    qkv_.resize(rows_.size() * size(spec_.qkv_dim()));
    const auto project = [&](const Linear& linear, std::int32_t column) {
      multiply(x, linear.weight, qkv_.data() + column, spec_.qkv_dim());
      const Floats bias = to_floats(linear.bias);
      for (std::size_t row = 0; row < rows_.size(); ++row) {
        float* out = qkv_.data() + row * size(spec_.qkv_dim()) + column;
        for (std::size_t i = 0; i < bias.size(); ++i) out[i] += bias[i];
      }
    };
    if (projection != Projection::kKeyValue) project(w.query, 0);
    if (projection == Projection::kQuery) return;
    project(w.key, spec_.query_dim());
    project(w.value, spec_.query_dim() + spec_.kv_dim());
  }

  void rotate_and_keep(std::int32_t layer, Projection projection) {
    const LayerWeights w = weights_->layer(layer);
    const Floats query_norm = to_floats(w.query_norm), key_norm = to_floats(w.key_norm);
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      float* query = qkv_.data() + row * size(spec_.qkv_dim());
      float* key = query + spec_.query_dim();
      const float* value = key + spec_.kv_dim();
      if (projection != Projection::kKeyValue)
        rotate(query, spec_.num_heads, query_norm, rows_[row].position);
      if (projection == Projection::kQuery) continue;
      rotate(key, spec_.num_kv_heads, key_norm, rows_[row].position);
      key_value(layer, static_cast<std::int32_t>(row)) = {{key, key + spec_.kv_dim()},
                                                          {value, value + spec_.kv_dim()}};
    }
  }

  struct Row {
    std::int32_t segment;
    std::int32_t position;
  };

  static std::size_t size(std::int32_t n) { return static_cast<std::size_t>(n); }

  Floats& buffer(Activation activation) {
    switch (activation) {
      case Activation::kHidden:
        return hidden_;
      case Activation::kQkv:
        return qkv_;
      case Activation::kAttention:
        return attention_;
      default:
        return ffn_;
    }
  }

  Floats normed(const TensorView& norm) const {
    Floats weight = to_floats(norm);
    for (float& x : weight) x += spec_.norm_weight_offset;
    Floats out(hidden_.size());
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      const std::size_t at = row * size(spec_.hidden);
      rms_norm(hidden_.data() + at, weight, spec_.norm_eps, out.data() + at);
    }
    return out;
  }

  // out[row, n] = sum over k of x[row, k] * matrix[n, k]; rows of `out` are `stride` apart.
  void multiply(const Floats& x, const TensorView& matrix, float* out, std::int32_t stride) {
    const auto k = static_cast<std::size_t>(matrix.shape[1]);
    pool_.parallel_for(matrix.shape[0], [&](std::int64_t n, int) {
      Floats weights(k);
      widen(matrix, n * matrix.shape[1], weights);
      for (std::size_t row = 0; row < rows_.size(); ++row) {
        double sum = 0;
        for (std::size_t i = 0; i < k; ++i) sum += double{x[row * k + i]} * weights[i];
        out[row * size(stride) + static_cast<std::size_t>(n)] = static_cast<float>(sum);
      }
    });
  }

  void add_product(const Floats& x, const TensorView& matrix) {
    Floats product(hidden_.size());
    multiply(x, matrix, product.data(), spec_.hidden);
    for (std::size_t i = 0; i < product.size(); ++i) hidden_[i] += product[i];
  }

  // RMSNorm on each head where there is one, then rotary embedding: the halves of a head are the parts of
  // complex numbers.
  void rotate(float* x, std::int32_t num_heads, const Floats& norm, std::int32_t position) const {
    const std::int32_t half = spec_.head_dim / 2;
    for (std::int32_t head = 0; head < num_heads; ++head, x += spec_.head_dim) {
      if (!norm.empty()) rms_norm(x, norm, spec_.norm_eps, x);
      for (std::int32_t i = 0; i < half; ++i) {
        const float angle = static_cast<float>(position) * spec_.rotations.front()[size(i)];
        const float a = x[i], b = x[half + i];
        x[i] = a * std::cos(angle) - b * std::sin(angle);
        x[half + i] = b * std::cos(angle) + a * std::sin(angle);
      }
    }
  }

  KeyValue& key_value(std::int32_t layer, std::int32_t row) {
    const Segment& segment = batch_.segments[size(rows_[size(row)].segment)];
    if (segment.slot == kNotKept) return transient_[size(row)];
    return kept_[size(layer)][size(segment.slot + row - segment.first_row)];
  }

  std::vector<const KeyValue*> visible(std::int32_t layer, const Row& row) const {
    const Segment& segment = batch_.segments[size(row.segment)];
    std::vector<const KeyValue*> keys;
    for (std::int32_t i = 0; i < segment.num_ranges; ++i) {
      const KeyRange& range = batch_.ranges[size(segment.first_range + i)];
      for (std::int32_t t = 0; t < range.num_tokens; ++t)
        keys.push_back(&kept_[size(layer)][size(range.slot + t)]);
    }
    for (std::int32_t t = 0; t <= row.position - segment.first_position; ++t) {
      keys.push_back(segment.slot == kNotKept ? &transient_[size(segment.first_row + t)]
                                              : &kept_[size(layer)][size(segment.slot + t)]);
    }
    return keys;
  }

  // softmax(q k / sqrt(head_dim)) v
  void attend(std::int64_t row, std::int32_t head, const std::vector<const KeyValue*>& keys) {
    const std::size_t dim = size(spec_.head_dim);
    const std::size_t kv_at = size(head / (spec_.num_heads / spec_.num_kv_heads)) * dim;
    const float* query =
        qkv_.data() + static_cast<std::size_t>(row) * size(spec_.qkv_dim()) + size(head) * dim;
    float* out =
        attention_.data() + static_cast<std::size_t>(row) * size(spec_.query_dim()) + size(head) * dim;
    std::vector<double> weights(keys.size());
    for (std::size_t t = 0; t < keys.size(); ++t) {
      for (std::size_t i = 0; i < dim; ++i) weights[t] += double{query[i]} * keys[t]->key[kv_at + i];
      weights[t] /= std::sqrt(static_cast<double>(dim));
    }
    const double largest = *std::max_element(weights.begin(), weights.end());
    double total = 0;
    for (double& weight : weights) total += weight = std::exp(weight - largest);
    for (std::size_t i = 0; i < dim; ++i) {
      double sum = 0;
      for (std::size_t t = 0; t < keys.size(); ++t) sum += weights[t] * keys[t]->value[kv_at + i];
      out[i] = static_cast<float>(sum / total);
    }
  }

  ThreadPool pool_;
  TransformerWeights* weights_ = nullptr;  // read anew for every step: nothing is packed
  TransformerSpec spec_;
  std::vector<std::vector<KeyValue>> kept_;  // [num_layers][num_slots]
  std::vector<KeyValue> transient_;          // [num_tokens], of the layer at hand
  PackedBatch batch_;
  std::vector<Row> rows_;
  Floats hidden_, qkv_, attention_, ffn_, logits_;
};

}  // namespace

std::unique_ptr<Backend> create_reference_backend(const BackendOptions& options) {
  return std::make_unique<ReferenceBackend>(options);
}

}  // namespace rerank::reference
