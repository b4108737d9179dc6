// What is refused before a GPU is touched, and by which name. Runs without one.
#include "backend/cuda/capabilities.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/cuda/cuda_backend.h"
#include "rerank/error.h"
#include "tests/support/random_decoder.h"

namespace rerank::cuda {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

constexpr TransformerSpec kQwen3{.hidden = 64,
                                 .ffn = 96,
                                 .num_layers = 1,
                                 .num_heads = 4,
                                 .num_kv_heads = 2,
                                 .head_dim = 32,
                                 .vocab = 8,
                                 .max_positions = 16,
                                 .norm_eps = 1e-6f,
                                 .rope_theta = 1e6,
                                 .qk_norm = true};

template <typename Change>
std::string key_of(const Change& change) {
  TransformerSpec spec = kQwen3;
  change(spec);
  return unsupported_key(spec);
}

TEST(UnsupportedKey, NamesTheFirstThatIsNotComputed) {
  EXPECT_EQ(unsupported_key(kQwen3), "");
  const auto biases = [](TransformerSpec& spec) {
    spec.qkv_bias = true;
    spec.qk_norm = false;
  };
  EXPECT_THAT(key_of(biases), HasSubstr("biases of queries"));
  EXPECT_THAT(key_of([](TransformerSpec& spec) { spec.qk_norm = false; }),
              HasSubstr("norms of query and key"));
  EXPECT_THAT(key_of([](TransformerSpec& spec) { spec.activation = MlpActivation::kGeluTanh; }),
              StartsWith("hidden_act "));
  EXPECT_THAT(key_of([](TransformerSpec& spec) { spec.norm_weight_offset = 1; }), HasSubstr("add 1 to"));
  EXPECT_THAT(key_of([](TransformerSpec& spec) { spec.embedding_scale = 8; }), HasSubstr("embeddings by 8"));
  EXPECT_THAT(key_of([](TransformerSpec& spec) { spec.head_dim = 256; }), StartsWith("head_dim 256"));
  EXPECT_THAT(key_of([](TransformerSpec& spec) { spec.hidden = 72; }), StartsWith("hidden_size 72"));
  EXPECT_THAT(key_of([](TransformerSpec& spec) { spec.hidden = 8208; }), StartsWith("hidden_size 8208"));
}

TEST(UnsupportedKey, IsRefusedBeforeAnythingIsUploaded) {
  TransformerSpec spec = kQwen3;
  spec.qkv_bias = true;
  RandomDecoder weights(spec, DataType::kBFloat16);
  CudaBackend backend({.device = "cuda", .device_ordinals = {0}});
  try {
    backend.load(weights, {});
    ADD_FAILURE() << "biases were accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("does not compute model_type (of models with biases"));
  }
}

TEST(WhyNot, SaysWhichGenerationItIs) {
  EXPECT_EQ(why_not(90), "");
  EXPECT_THAT(why_not(75), StartsWith("has compute capability 7.5, and"));
  EXPECT_THAT(why_not(100), HasSubstr("10.0"));
}

}  // namespace
}  // namespace rerank::cuda
