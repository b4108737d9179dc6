// Qwen3 decoders as rerankers: the two answer rows of the language model head, or a classification head of
// one row.
#pragma once

#include <memory>

#include "model/model.h"

namespace rerank {

std::unique_ptr<Model> create_qwen3(std::shared_ptr<Checkpoint> checkpoint, AnswerTokens answers,
                                    std::int32_t max_positions);

}  // namespace rerank
