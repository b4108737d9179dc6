#include "model/model.h"

#include <fmt/format.h>

#include <cmath>

#include "model/qwen3.h"
#include "rerank/error.h"

namespace rerank {

bool needs_answer_tokens(const Checkpoint& checkpoint) {
  return checkpoint.config().architecture == "Qwen3ForCausalLM";
}

DataType matrix_type(const Checkpoint& checkpoint) {
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    if (tensor.name == "model.layers.0.self_attn.q_proj.weight") return tensor.type;
  }
  throw Error(ErrorCode::kInternal, "a checked checkpoint has no first layer");
}

std::unique_ptr<Model> create_model(std::shared_ptr<Checkpoint> checkpoint, AnswerTokens answers,
                                    std::int32_t max_positions) {
  const std::string architecture = checkpoint->config().architecture;
  if (architecture == "Qwen3ForCausalLM" || architecture == "Qwen3ForSequenceClassification") {
    return create_qwen3(std::move(checkpoint), answers, max_positions);
  }
  throw Error(ErrorCode::kUnsupported,
              fmt::format("{} is not supported; Qwen3ForCausalLM and Qwen3ForSequenceClassification are",
                          architecture));
}

float score(float logit_no, float logit_yes) {
  const float difference = logit_yes - logit_no;
  // The form that never overflows on either side.
  if (difference >= 0) return 1.0f / (1.0f + std::exp(-difference));
  const float e = std::exp(difference);
  return e / (1.0f + e);
}

}  // namespace rerank
