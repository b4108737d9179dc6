#include "model/encoder/encoder_model.h"

namespace rerank {
namespace {

class Encoder final : public Model {
 public:
  Encoder(std::shared_ptr<Checkpoint> checkpoint, const Reranker& reranker, AnswerIds answers,
          std::int32_t max_positions)
      : weights_(std::move(checkpoint), reranker, answers, max_positions) {}

  TransformerWeights& weights() override { return weights_; }
  void release_weights() override { weights_.release(); }

  // BertModel, ModernBertModel and similar models of Hugging Face Transformers, layer by layer.
  void forward(Backend& backend) const override {
    const std::int32_t last = weights_.spec().num_layers - 1;
    backend.embed();
    for (std::int32_t layer = 0; layer < last; ++layer) run_layer(backend, layer);
    if (weights_.spec().pooling == Pooling::kMean) {
      run_layer(backend, last);
      backend.pool();
    } else {
      // The last layer needs keys and values of all tokens, and everything else only of the scored ones.
      backend.qkv(last, Projection::kKeyValue);
      backend.pool();
      backend.qkv(last, Projection::kQuery);
      finish_layer(backend, last);
    }
    backend.head();
  }

 private:
  static void run_layer(Backend& backend, std::int32_t layer) {
    backend.qkv(layer, Projection::kQueryKeyValue);
    finish_layer(backend, layer);
  }
  static void finish_layer(Backend& backend, std::int32_t layer) {
    backend.attention(layer);
    backend.attention_output(layer);
    backend.mlp_in(layer);
    backend.mlp_out(layer);
  }

  CheckpointWeights weights_;
};

}  // namespace

std::unique_ptr<Model> create_encoder(std::shared_ptr<Checkpoint> checkpoint, const Reranker& reranker,
                                      AnswerIds answers, std::int32_t max_positions) {
  return std::make_unique<Encoder>(std::move(checkpoint), reranker, answers, max_positions);
}

}  // namespace rerank
