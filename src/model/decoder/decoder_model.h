// The forward pass of causal decoders.
#pragma once

#include <memory>

#include "model/checkpoint_weights.h"

namespace rerank {

// See create_model.
std::unique_ptr<Model> create_decoder(std::shared_ptr<Checkpoint> checkpoint, const Reranker& reranker,
                                      AnswerIds answers, std::int32_t max_positions);

}  // namespace rerank
