#include "backend/cuda/capabilities.h"

#include <fmt/format.h>

#include "backend/cuda/kernels.h"

namespace rerank::cuda {

std::string why_not(std::int32_t compute_capability) {
  if (compute_capability == kComputeCapability) return "";
  return fmt::format("has compute capability {}.{}, and the CUDA module's kernels are for {}.{} (H100, H200)",
                     compute_capability / 10, compute_capability % 10, kComputeCapability / 10,
                     kComputeCapability % 10);
}

std::string unsupported_key(const TransformerSpec& spec) {
  if (spec.qkv_bias) return "model_type (of models with biases of queries, keys and values)";
  if (!spec.qk_norm) return "model_type (of models without norms of query and key heads)";
  if (spec.activation != MlpActivation::kSilu) return "hidden_act (other than silu)";
  if (spec.norm_weight_offset != 0)
    return fmt::format("model_type (of models that add {} to the weights of norms)", spec.norm_weight_offset);
  if (spec.embedding_scale != 1)
    return fmt::format("model_type (of models that scale embeddings by {})", spec.embedding_scale);
  if (spec.head_dim != 32 && spec.head_dim != 64 && spec.head_dim != 128)
    return fmt::format("head_dim {} (32, 64 and 128 are)", spec.head_dim);
  if (spec.hidden % 16 != 0 || spec.hidden > kMaxNormColumns)
    return fmt::format("hidden_size {} (multiples of 16 up to {} are)", spec.hidden, kMaxNormColumns);
  return "";
}

}  // namespace rerank::cuda
