// Creates the tensor maps of qkv and the store.
#include <algorithm>

#include "backend/cuda/hopper/attention.h"
#include "backend/cuda/hopper/tensor_map.h"

namespace rerank::cuda {
AttentionViews make_attention_views(const AttentionShape& shape, DeviceBFloat16* qkv, std::int64_t num_rows,
                                    DeviceBFloat16* store, std::int64_t num_slots) {
  const auto size = [](std::int64_t n) { return static_cast<cuuint64_t>(n); };
  const std::int64_t qkv_dim = shape.query_dim() + 2 * shape.kv_dim(), slot_dim = 2 * shape.kv_dim();
  AttentionViews views{};
  for (int box = 0; box < AttentionViews::kBoxes; ++box) {
    const cuuint32_t rows = 1u << box;
    views.rows[box] = tensor_map<2>(qkv, {size(qkv_dim), size(num_rows)}, {size(2 * qkv_dim)}, {64, rows});
    views.slots[box] =
        tensor_map<2>(store, {size(slot_dim), size(num_slots)}, {size(2 * slot_dim)}, {64, rows});
  }
  // A head of 32 is read together with the next one, which is ignored.
  const std::int32_t group = shape.num_heads / shape.num_kv_heads;
  views.queries =
      tensor_map<3>(qkv, {size(std::max(64, shape.head_dim)), size(shape.num_heads), size(num_rows)},
                    {size(2 * shape.head_dim), size(2 * qkv_dim)},
                    {64, static_cast<cuuint32_t>(group),
                     static_cast<cuuint32_t>(attention_tokens(shape.num_heads, shape.num_kv_heads))});
  return views;
}

}  // namespace rerank::cuda
