// A model made from a checkpoint in one call, as the tests of what lies below the engine want it.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "model/model.h"
#include "model/open_model.h"

namespace rerank {

// With the prompt of Qwen3-Reranker, which nothing here asks for.
inline std::unique_ptr<Model> create_model(const std::shared_ptr<Checkpoint>& checkpoint, AnswerIds answers,
                                           std::int32_t max_positions) {
  return create_model(checkpoint, read_reranker(*checkpoint, {.prompt = "qwen3-reranker"}), answers,
                      max_positions);
}

inline std::unique_ptr<Model> create_model(const std::string& name, AnswerIds answers,
                                           std::int32_t max_positions) {
  return create_model(std::shared_ptr<Checkpoint>(open_model(name)), answers, max_positions);
}

}  // namespace rerank
