#include "backend/reference/reference_backend.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "backend/reference/formulas.h"
#include "base/thread_pool.h"
#include "rerank/error.h"

namespace rerank::reference {
namespace {

// Keys and values of one token in one layer.
struct KeyValue {
  Floats key;    // [kv_dim]
  Floats value;  // [kv_dim]
};

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
    if (spec_.num_token_types > 0) add_types();
    if (spec_.num_position_rows > 0) add_positions();
    if (spec_.embedding_norm) hidden_ = norm_rows(spec_, weights_->embedding_norm(), hidden_);
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
    const LayerWeights w = weights_->layer(layer);
    add_step(attention_, w.output, w.attention_norm);
  }

  void mlp_in(std::int32_t layer) override {
    const LayerWeights w = weights_->layer(layer);
    const Floats x = normed_before(w.mlp_norm);
    ffn_.resize(rows_.size() * size(spec_.ffn));
    multiply(x, w.gate, ffn_.data(), spec_.ffn);
    for (float& gate : ffn_) gate = activate(spec_.activation, gate);
    if (!spec_.gated) return;
    Floats up(ffn_.size());
    multiply(x, w.up, up.data(), spec_.ffn);
    for (std::size_t i = 0; i < up.size(); ++i) ffn_[i] *= up[i];
  }

  void mlp_out(std::int32_t layer) override {
    const LayerWeights w = weights_->layer(layer);
    add_step(ffn_, w.down, w.mlp_norm);
  }

  void pool() override {
    std::vector<Row> rows;
    Floats pooled;
    if (spec_.pooling == Pooling::kMean) normalize_at_the_end();
    for (const Segment& segment : batch_.segments) {
      if (segment.score == kNotScored) continue;
      const bool is_last = spec_.pooling == Pooling::kLast;
      const std::int32_t row = segment.first_row + (is_last ? segment.num_tokens - 1 : 0);
      const std::int32_t count = spec_.pooling == Pooling::kMean ? segment.num_tokens : 1;
      rows.push_back(rows_[size(row)]);
      for (std::int32_t column = 0; column < spec_.hidden; ++column) {
        double sum = 0;
        for (std::int32_t i = 0; i < count; ++i)
          sum += hidden_[size(row + i) * size(spec_.hidden) + size(column)];
        pooled.push_back(static_cast<float>(sum / count));
      }
    }
    rows_ = std::move(rows);
    hidden_ = std::move(pooled);
  }

  void head() override {
    if (spec_.pooling != Pooling::kMean) normalize_at_the_end();
    const Floats heads[] = {to_floats(weights_->head_no()), to_floats(weights_->head_yes())};
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      const std::span<const float> x(hidden_.data() + row * size(spec_.hidden), size(spec_.hidden));
      if (!spec_.head.empty()) logits_[2 * row + 1] = run_head(*weights_, x);
      for (std::size_t which = 0; which < 2 && spec_.head.empty(); ++which) {
        double sum = 0;
        for (std::size_t i = 0; i < heads[which].size(); ++i) sum += double{x[i]} * heads[which][i];
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
  void add_row(const TensorView& table, std::int32_t table_row, std::size_t row) {
    Floats values(size(spec_.hidden));
    widen(table, std::int64_t{table_row} * spec_.hidden, values);
    for (std::size_t i = 0; i < values.size(); ++i) hidden_[row * values.size() + i] += values[i];
  }

  void add_types() {
    for (const Segment& segment : batch_.segments) {
      for (std::int32_t i = 0; i < segment.num_tokens; ++i) {
        const std::int32_t type = i >= segment.type_border ? 1 : 0;
        check(type < spec_.num_token_types, "a token has a type that the model lacks");
        add_row(weights_->type_embedding(), type, size(segment.first_row + i));
      }
    }
  }

  void add_positions() {
    for (const Segment& segment : batch_.segments) {
      std::vector<std::int32_t> table_rows(size(segment.num_tokens));
      fill_position_rows(spec_, batch_, segment, table_rows);
      for (std::int32_t i = 0; i < segment.num_tokens; ++i)
        add_row(weights_->position_embedding(), table_rows[size(i)], size(segment.first_row + i));
    }
  }

  void project_qkv(std::int32_t layer, Projection projection) {
    const LayerWeights w = weights_->layer(layer);
    const Floats x = normed_before(w.attention_norm);
    qkv_.resize(rows_.size() * size(spec_.qkv_dim()));
    if (projection != Projection::kKeyValue) multiply(x, w.query, qkv_.data(), spec_.qkv_dim());
    if (projection == Projection::kQuery) return;
    multiply(x, w.key, qkv_.data() + spec_.query_dim(), spec_.qkv_dim());
    multiply(x, w.value, qkv_.data() + spec_.query_dim() + spec_.kv_dim(), spec_.qkv_dim());
  }

  void rotate_and_keep(std::int32_t layer, Projection projection) {
    const LayerWeights w = weights_->layer(layer);
    const Floats query_norm = to_floats(w.query_norm), key_norm = to_floats(w.key_norm);
    const std::int32_t rotation = spec_.attention_of(layer).rotation;
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      float* query = qkv_.data() + row * size(spec_.qkv_dim());
      float* key = query + spec_.query_dim();
      const float* value = key + spec_.kv_dim();
      const auto finish_heads = [&](float* x, std::int32_t num_heads, const Floats& norm) {
        for (std::int32_t head = 0; head < num_heads; ++head, x += spec_.head_dim) {
          if (!norm.empty()) rms_norm(x, norm, spec_.norm_eps, x);
          if (rotation != kNoRotation)
            rotate({x, size(spec_.head_dim)}, spec_.rotations[size(rotation)], rows_[row].position);
        }
      };
      if (projection != Projection::kKeyValue) finish_heads(query, spec_.num_heads, query_norm);
      if (projection == Projection::kQuery) continue;
      finish_heads(key, spec_.num_kv_heads, key_norm);
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

  // The input of a step: hidden, normalized if the norm comes before the step.
  Floats normed_before(const Norm& norm) const {
    if (spec_.norm_place == NormPlace::kBehind || norm.weight.empty()) return hidden_;
    return norm_rows(spec_, norm, hidden_);
  }

  void normalize_at_the_end() {
    if (spec_.has_final_norm) hidden_ = norm_rows(spec_, weights_->final_norm(), hidden_);
  }

  // out[row, n] = bias[n] + sum over k of x[row, k] * weight[n, k]; rows of `out` are `stride` apart.
  void multiply(const Floats& x, const Linear& linear, float* out, std::int32_t stride) {
    const TensorView& matrix = linear.weight;
    const auto k = static_cast<std::size_t>(matrix.shape[1]);
    const Floats bias = to_floats(linear.bias);
    pool_.parallel_for(matrix.shape[0], [&](std::int64_t n, int) {
      Floats weights(k);
      widen(matrix, n * matrix.shape[1], weights);
      for (std::size_t row = 0; row < rows_.size(); ++row) {
        double sum = 0;
        for (std::size_t i = 0; i < k; ++i) sum += double{x[row * k + i]} * weights[i];
        float& to = out[row * size(stride) + static_cast<std::size_t>(n)];
        to = static_cast<float>(sum);
        if (!bias.empty()) to += bias[static_cast<std::size_t>(n)];
      }
    });
  }

  // hidden += x * linear, normalized if the norm comes after the step.
  void add_step(const Floats& x, const Linear& linear, const Norm& norm) {
    Floats product(hidden_.size());
    multiply(x, linear, product.data(), spec_.hidden);
    for (std::size_t i = 0; i < product.size(); ++i) hidden_[i] += product[i];
    if (spec_.norm_place == NormPlace::kBehind) hidden_ = norm_rows(spec_, norm, hidden_);
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
    const bool is_causal = spec_.mask == Mask::kCausal;
    const std::int32_t end = is_causal ? row.position - segment.first_position + 1 : segment.num_tokens;
    for (std::int32_t t = 0; t < end; ++t) {
      keys.push_back(segment.slot == kNotKept ? &transient_[size(segment.first_row + t)]
                                              : &kept_[size(layer)][size(segment.slot + t)]);
    }
    const std::int32_t window = spec_.attention_of(layer).window;
    if (window == 0) return keys;
    const std::int32_t first = std::max(0, row.position - window);
    const auto past = std::min(static_cast<std::int32_t>(keys.size()), row.position + window + 1);
    return {keys.begin() + first, keys.begin() + past};
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
  TransformerWeights* weights_ = nullptr;  // read again in every step: nothing is packed
  TransformerSpec spec_;
  std::vector<std::vector<KeyValue>> kept_;  // [num_layers][num_slots]
  std::vector<KeyValue> transient_;          // [num_tokens], of the current layer
  PackedBatch batch_;
  std::vector<Row> rows_;
  Floats hidden_, qkv_, attention_, ffn_, logits_;
};

}  // namespace

std::unique_ptr<Backend> create_reference_backend(const BackendOptions& options) {
  return std::make_unique<ReferenceBackend>(options);
}

}  // namespace rerank::reference
