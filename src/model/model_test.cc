// Which checkpoints can be loaded, and the order of steps in a forward pass.
#include "model/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>

#include "rerank/error.h"
#include "tests/support/open_reranker.h"

namespace rerank {
namespace {

using testing::InSequence;
using testing::StrictMock;

std::shared_ptr<Checkpoint> nano() {
  return open_model("synth:nano");
}

TEST(CreateModel, ChecksTheAnswers) {
  EXPECT_THROW(create_model(nano(), {}, 100), Error);
  EXPECT_THROW(create_model(nano(), {.no = 0, .yes = 151669}, 100), Error);
  EXPECT_THROW(create_model(nano(), {.no = -2, .yes = 5}, 100), Error);
  EXPECT_THROW(create_model(nano(), {.no = 5, .yes = -1}, 100), Error);
  EXPECT_NE(create_model(nano(), {.no = 0, .yes = 151668}, 100), nullptr);
}

TEST(CreateModel, WeightsHaveTheConfigsShape) {
  const auto model = create_model(nano(), {.no = 2152, .yes = 9693}, 100);
  TransformerWeights& weights = model->weights();
  EXPECT_EQ(weights.spec().hidden, 64);
  EXPECT_EQ(weights.spec().num_layers, 3);
  EXPECT_EQ(weights.spec().query_dim(), 128);
  EXPECT_EQ(weights.spec().kv_dim(), 64);
  EXPECT_EQ(weights.spec().max_positions, 100);
  EXPECT_EQ(weights.type(), DataType::kBFloat16);
  EXPECT_TRUE(weights.layer(2).query.bias.empty());
  EXPECT_EQ(weights.layer(2).gate.weight.shape, (std::vector<std::int64_t>{192, 64}));
  EXPECT_EQ(weights.head_no().shape, (std::vector<std::int64_t>{64}));
}

TEST(CreateModel, AnswersAreRowsOfTheHead) {
  const std::shared_ptr<Checkpoint> tied = nano();
  const auto model = create_model(tied, {.no = 7, .yes = 9}, 100);
  EXPECT_EQ(model->weights().head_no().data, tied->tensor("model.embed_tokens.weight").row(7).data);
  EXPECT_EQ(model->weights().head_yes().data, tied->tensor("model.embed_tokens.weight").row(9).data);
  const std::shared_ptr<Checkpoint> untied = open_model("synth:odd");
  const auto other = create_model(untied, {.no = 7, .yes = 9}, 100);
  EXPECT_EQ(other->weights().head_yes().data, untied->tensor("lm_head.weight").row(9).data);
}

// Packed weights contain the rows of the answers, so they depend on the answers.
TEST(CreateModel, IdentityTellsTheAnswersApart) {
  const auto identity = [](AnswerIds answers) {
    return create_model(nano(), answers, 100)->weights().identity();
  };
  EXPECT_EQ(identity({.no = 7, .yes = 9}), identity({.no = 7, .yes = 9}));
  EXPECT_NE(identity({.no = 7, .yes = 9}), identity({.no = 7, .yes = 10}));
  EXPECT_NE(identity({.no = 7, .yes = 9}), identity({.no = 9, .yes = 7}));
}

class MockBackend : public Backend {
 public:
  MOCK_METHOD(void, load, (TransformerWeights&, const BackendLimits&), (override));
  MOCK_METHOD(BackendInfo, info, (), (const, override));
  MOCK_METHOD(void, begin, (const PackedBatch&), (override));
  MOCK_METHOD(void, embed, (), (override));
  MOCK_METHOD(void, qkv, (std::int32_t, Projection), (override));
  MOCK_METHOD(void, attention, (std::int32_t), (override));
  MOCK_METHOD(void, attention_output, (std::int32_t), (override));
  MOCK_METHOD(void, mlp_in, (std::int32_t), (override));
  MOCK_METHOD(void, mlp_out, (std::int32_t), (override));
  MOCK_METHOD(void, pool, (), (override));
  MOCK_METHOD(void, head, (), (override));
  MOCK_METHOD(void, finish, (std::span<float>), (override));
  MOCK_METHOD(void, read, (Activation, std::span<float>), (override));
  MOCK_METHOD(void, write, (Activation, std::span<const float>), (override));
};

void expect_rest_of_layer(MockBackend& backend, std::int32_t layer) {
  EXPECT_CALL(backend, attention(layer));
  EXPECT_CALL(backend, attention_output(layer));
  EXPECT_CALL(backend, mlp_in(layer));
  EXPECT_CALL(backend, mlp_out(layer));
}

// In the last layer only keys and values are computed for all tokens.
TEST(Forward, PrunesTheLastLayer) {
  StrictMock<MockBackend> backend;
  const InSequence sequence;
  EXPECT_CALL(backend, embed());
  for (std::int32_t layer = 0; layer < 2; ++layer) {
    EXPECT_CALL(backend, qkv(layer, Projection::kQueryKeyValue));
    expect_rest_of_layer(backend, layer);
  }
  EXPECT_CALL(backend, qkv(2, Projection::kKeyValue));
  EXPECT_CALL(backend, pool());
  EXPECT_CALL(backend, qkv(2, Projection::kQuery));
  expect_rest_of_layer(backend, 2);
  EXPECT_CALL(backend, head());
  create_model(nano(), {.no = 2152, .yes = 9693}, 100)->forward(backend);
}

}  // namespace
}  // namespace rerank
