// What is rejected before a GPU is used, and the name in the error. Needs no GPU.
#include "backend/cuda/kernel_sets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "backend/cuda/cuda_backend.h"
#include "rerank/error.h"
#include "tests/support/random_decoder.h"

namespace rerank::cuda {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const TransformerSpec kQwen3{.hidden = 64,
                             .ffn = 96,
                             .num_layers = 1,
                             .num_heads = 4,
                             .num_kv_heads = 2,
                             .head_dim = 32,
                             .vocab = 8,
                             .max_positions = 16,
                             .norm_eps = 1e-6f,
                             .rotations = {rotary_frequencies(32, 1e6)},
                             .qk_norm = true};

template <typename Change>
std::string key_of(const Change& change) {
  TransformerSpec spec = kQwen3;
  change(spec);
  return unsupported_key(spec);
}

TEST(UnsupportedKey, NamesTheFirstThatIsNotComputed) {
  EXPECT_EQ(unsupported_key(kQwen3), "");
  const auto with_biases = [](TransformerSpec& spec) { spec.qkv_bias = true; };
  EXPECT_THAT(key_of(with_biases), HasSubstr("norms of query and key heads, and biases"));
  const auto qwen2 = [](TransformerSpec& spec) {
    spec.qkv_bias = true;
    spec.qk_norm = false;
  };
  EXPECT_EQ(key_of(qwen2), "");
  const auto gemma = [](TransformerSpec& spec) {
    spec.qk_norm = false;
    spec.activation = MlpActivation::kGeluTanh;
    spec.norm_weight_offset = 1;
    spec.embedding_scale = 8;
    spec.head_dim = 256;
  };
  EXPECT_EQ(key_of(gemma), "");
  const auto bidirectional = [](TransformerSpec& spec) {
    spec.qk_norm = false;
    spec.mask = Mask::kBidirectional;
    spec.pooling = Pooling::kMean;
  };
  EXPECT_EQ(key_of(bidirectional), "");
  EXPECT_THAT(key_of([](TransformerSpec& spec) { spec.num_token_types = 2; }), HasSubstr("layer norms"));
  EXPECT_THAT(key_of([](TransformerSpec& spec) {
                spec.norm = NormKind::kLayer;
                spec.gated = false;
              }),
              StartsWith("hidden_act"));
  EXPECT_THAT(key_of([](TransformerSpec& spec) { spec.head_dim = 96; }), StartsWith("head_dim 96"));
  EXPECT_THAT(key_of([](TransformerSpec& spec) { spec.hidden = 72; }), StartsWith("hidden_size 72"));
  EXPECT_THAT(key_of([](TransformerSpec& spec) { spec.hidden = 8208; }), StartsWith("hidden_size 8208"));
  EXPECT_THAT(key_of([](TransformerSpec& spec) { spec.ffn = 16400; }), StartsWith("intermediate_size 16400"));
  EXPECT_THAT(key_of([](TransformerSpec& spec) { spec.num_heads = 130; }),
              StartsWith("num_attention_heads 130"));
  EXPECT_THAT(key_of([](TransformerSpec& spec) { spec.num_heads = spec.num_kv_heads = 256; }),
              StartsWith("num_key_value_heads 256"));
}

TEST(UnsupportedKey, IsRefusedBeforeAnythingIsUploaded) {
  TransformerSpec spec = kQwen3;
  spec.head_dim = 96;
  RandomDecoder weights(spec, DataType::kBFloat16);
  CudaBackend backend({.device = "cuda", .device_ordinals = {0}});
  try {
    backend.load(weights, {});
    ADD_FAILURE() << "a head_dim of 96 was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("does not compute head_dim 96"));
  }
}

TEST(WhyNot, SaysWhichGenerationItIs) {
  EXPECT_EQ(why_not(90), "");
  EXPECT_THAT(why_not(75), StartsWith("has compute capability 7.5, and"));
  EXPECT_THAT(why_not(100), HasSubstr("10.0"));
}

}  // namespace
}  // namespace rerank::cuda
