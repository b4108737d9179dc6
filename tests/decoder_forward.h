// A decoder's forward over any backend, without a model's family: for tests on weights in memory. For tests
// only.
#pragma once

#include <vector>

#include "backend/backend.h"

namespace rerank {

// The logits of the batch, [num_scores, 2].
inline std::vector<float> run_decoder(Backend& backend, const TransformerSpec& spec,
                                      const PackedBatch& batch) {
  const auto finish_layer = [&](std::int32_t layer) {
    backend.attention(layer);
    backend.attention_output(layer);
    backend.mlp_in(layer);
    backend.mlp_out(layer);
  };
  const std::int32_t last = spec.num_layers - 1;
  backend.begin(batch);
  backend.embed();
  for (std::int32_t layer = 0; layer < last; ++layer) {
    backend.qkv(layer, Projection::kQueryKeyValue);
    finish_layer(layer);
  }
  backend.qkv(last, Projection::kKeyValue);
  backend.pool();
  backend.qkv(last, Projection::kQuery);
  finish_layer(last);
  backend.head();
  std::vector<float> logits(2 * static_cast<std::size_t>(batch.num_scores));
  backend.finish(logits);
  return logits;
}

}  // namespace rerank
