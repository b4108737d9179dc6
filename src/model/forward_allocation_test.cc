// A forward pass allocates no memory after warm-up. This is a program of its own because it counts all C++
// allocations.
#include <gtest/gtest.h>

#include <vector>

#include "rerank/error.h"
#include "tests/support/allocation_count.h"
#include "tests/support/backend_variants.h"
#include "tests/support/open_reranker.h"

namespace rerank {
namespace {

// `num_documents` documents of `num_tokens` tokens that share a prefix.
PackedBatch make_batch(std::int32_t num_documents, std::int32_t num_tokens) {
  PackedBatch batch;
  batch.segments.push_back({.first_row = 0, .num_tokens = 40, .slot = 0});
  batch.ids.resize(static_cast<std::size_t>(40 + num_documents * num_tokens));
  for (std::size_t i = 0; i < batch.ids.size(); ++i)
    batch.ids[i] = static_cast<std::int32_t>(i * 1009 % 151669);
  for (std::int32_t d = 0; d < num_documents; ++d) {
    batch.ranges.push_back({0, 40});
    batch.segments.push_back({.first_row = 40 + d * num_tokens,
                              .num_tokens = num_tokens,
                              .first_position = 40,
                              .first_range = d,
                              .num_ranges = 1,
                              .score = d});
  }
  batch.num_scores = num_documents;
  return batch;
}

class ForwardAllocationTest : public testing::TestWithParam<BackendVariant> {};

TEST_P(ForwardAllocationTest, NoneAfterAWarmUp) {
  for (const char* name : {"synth:nano", "synth:odd"}) {
    const auto model = create_model(std::string(name), {.no = 2152, .yes = 9693}, 400);
    const auto backend = create_backend(options_of(GetParam(), 2));
    try {
      backend->load(
          model->weights(),
          {.max_tokens = 400, .max_segments = 20, .max_scores = 16, .max_ranges = 20, .num_slots = 100});
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnsupported) throw;
      GTEST_SKIP() << error.what();
    }
    const PackedBatch batches[] = {make_batch(1, 5), make_batch(1, 360), make_batch(12, 30),
                                   make_batch(16, 1)};
    std::vector<float> logits(32);
    const auto forward = [&](const PackedBatch& batch) {
      backend->begin(batch);
      model->forward(*backend);
      backend->finish({logits.data(), 2 * static_cast<std::size_t>(batch.num_scores)});
    };
    // The first batch is the smallest, and the only warm-up.
    forward(batches[0]);
    for (const PackedBatch& batch : batches) {
      const long before = num_allocations();
      forward(batch);
      EXPECT_EQ(num_allocations() - before, 0) << name << ", " << batch.num_tokens() << " tokens";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ForwardAllocationTest, testing::ValuesIn(backend_variants()),
                         [](const testing::TestParamInfo<BackendVariant>& test) {
                           return test.param.name();
                         });

TEST(ForwardAllocation, IsCounted) {
  const long before = num_allocations();
  std::vector<int> some(10);
  EXPECT_EQ(num_allocations() - before, 1);
}

}  // namespace
}  // namespace rerank
