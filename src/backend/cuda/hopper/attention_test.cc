// Attention's e4m3 results on a GPU, compared with its bfloat16 results, which the tests of whole backends
// compare with the reference.
#include "backend/cuda/hopper/attention.h"

#include <gtest/gtest.h>

#include <cmath>
#include <vector>

#include "backend/cuda/attention_pieces.h"
#include "backend/cuda/hopper/products_fixture.h"

namespace rerank::cuda {
namespace {

// A single prompt.
class AttentionTest : public testing::TestWithParam<AttentionShape> {
 protected:
  static constexpr std::int32_t kTokens = 300;

  template <typename Number>
  std::vector<Number> results(const AttentionViews& views, std::size_t count, bool is_e4m3) {
    const AttentionShape& shape = GetParam();
    std::vector<AttentionItem> items;
    const std::int32_t item_tokens = attention_tokens(shape.num_heads, shape.num_kv_heads);
    for (std::int32_t row = 0; row < kTokens; row += item_tokens) {
      const std::int32_t num_tokens = std::min(item_tokens, kTokens - row);
      items.push_back({row, num_tokens, row, 0, 1, row + num_tokens, {}});
    }
    AttentionPieces dealer(shape.num_kv_heads, hopper_processors(), items.size());
    std::vector<std::int32_t> pieces(dealer.capacity(items.size(), 1));
    const std::int32_t num_turns = dealer.deal(items, 0, pieces.data());
    const DeviceBuffer on_items = on_device(items), on_pieces = on_device(pieces),
                       runs = on_device(std::vector<KeyRun>{{0, 0, 0, 0}}),
                       out = DeviceBuffer::zeros(count * sizeof(Number));
    const ActivationRows rows = is_e4m3 ? ActivationRows{.e4m3 = out.as<std::uint8_t>()}
                                        : ActivationRows{.values = out.as<DeviceBFloat16>()};
    launch_attention({{.shape = shape,
                       .out = rows,
                       .items = on_items.as<AttentionItem>(),
                       .runs = runs.as<KeyRun>(),
                       .pieces = on_pieces.as<std::int32_t>(),
                       .num_turns = num_turns,
                       .num_blocks = dealer.num_blocks(items.size()),
                       .first_slot = 0},
                      views},
                     stream_.get());
    RERANK_CUDA_CHECK(cudaStreamSynchronize(stream_.get()));
    std::vector<Number> found(count);
    RERANK_CUDA_CHECK(
        cudaMemcpy(found.data(), out.as<void>(), count * sizeof(Number), cudaMemcpyDeviceToHost));
    return found;
  }

  Stream stream_;
};

TEST_P(AttentionTest, E4m3IsTheSameRoundedFurther) {
  const AttentionShape& shape = GetParam();
  prepare_attention(shape.head_dim, true);
  const std::int64_t qkv_dim = shape.query_dim() + 2 * shape.kv_dim();
  const DeviceBuffer qkv(size(2 * kTokens * qkv_dim) + kAttentionOverread),
      store(size(std::int64_t{4} * shape.kv_dim()));
  launch_fill_random(qkv.as<DeviceBFloat16>(), kTokens * qkv_dim, 5, 4.0f, stream_.get());
  const AttentionViews views =
      make_attention_views(shape, qkv.as<DeviceBFloat16>(), kTokens, store.as<DeviceBFloat16>(), 1);
  const std::size_t count = size(std::int64_t{kTokens} * shape.query_dim());
  const std::vector<BFloat16> wanted = results<BFloat16>(views, count, false);
  const std::vector<std::uint8_t> found = results<std::uint8_t>(views, count, true);
  double largest = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const float value = to_float(wanted[i]);
    // Half of the last of 4 bits, or half of the smallest value.
    ASSERT_NEAR(from_e4m3(found[i]), value, 0.068 * std::abs(value) + 0.001) << i;
    largest = std::max(largest, std::abs(double{value}));
  }
  EXPECT_GT(largest, 1);
}

std::vector<AttentionShape> attention_shapes() {
  if (hopper_processors() == 0) return {};
  return {{16, 8, 128}, {32, 8, 128}, {6, 1, 64}, {4, 2, 32}, {8, 1, 256}, {3, 3, 256}};
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(AttentionTest);
INSTANTIATE_TEST_SUITE_P(Shapes, AttentionTest, testing::ValuesIn(attention_shapes()), [](const auto& test) {
  return std::to_string(test.param.num_heads) + "_" + std::to_string(test.param.num_kv_heads) + "_" +
         std::to_string(test.param.head_dim);
});

}  // namespace
}  // namespace rerank::cuda
