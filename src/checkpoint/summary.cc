#include "checkpoint/summary.h"

#include <algorithm>

#include "checkpoint/safetensors_header.h"

namespace rerank {
CheckpointSummary summarize(const Checkpoint& checkpoint) {
  CheckpointSummary summary;
  summary.description = checkpoint.description();
  summary.identity = checkpoint.identity();
  summary.num_files = checkpoint.files().size();
  for (const TensorInfo& tensor : checkpoint.tensors()) {
    const std::uint64_t size_bytes = tensor_bytes(tensor);
    const auto num_parameters = static_cast<std::int64_t>(size_bytes / element_bytes(tensor.type));
    auto type =
        std::find_if(summary.types.begin(), summary.types.end(),
                     [&](const CheckpointSummary::TypeCount& count) { return count.type == tensor.type; });
    if (type == summary.types.end()) type = summary.types.insert(type, {tensor.type});
    ++type->num_tensors;
    type->num_parameters += num_parameters;
    ++summary.num_tensors;
    summary.num_parameters += num_parameters;
    summary.size_bytes += size_bytes;
  }
  return summary;
}

}  // namespace rerank
