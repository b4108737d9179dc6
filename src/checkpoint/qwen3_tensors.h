// The tensors of a Qwen3 reranker by name and shape: what a file is held against and what a synthetic model
// is made of.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "checkpoint/config.h"

namespace rerank {

struct NamedShape {
  std::string name;
  std::vector<std::int64_t> shape;
};

// In the order of the computation. Qwen3ForCausalLM has lm_head.weight [vocab, hidden] unless it is tied to
// the embeddings; Qwen3ForSequenceClassification has score.weight [1, hidden] instead.
std::vector<NamedShape> qwen3_tensors(const ModelConfig& config);

}  // namespace rerank
