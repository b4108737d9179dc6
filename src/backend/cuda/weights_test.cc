#include "backend/cuda/weights.h"

#include <gtest/gtest.h>

#include <string>

namespace rerank::cuda {
namespace {

// One letter per layer: b for bfloat16, i for int8, e for e4m3.
std::string types(std::int32_t hidden, std::int32_t num_layers, NumberType type) {
  TransformerSpec spec;
  spec.hidden = hidden;
  spec.num_layers = num_layers;
  std::string letters;
  for (std::int32_t layer = 0; layer < num_layers; ++layer) {
    switch (type_of_layer(spec, type, layer)) {
      case NumberType::kBFloat16:
        letters += 'b';
        break;
      case NumberType::kInt8:
        letters += 'i';
        break;
      case NumberType::kE4m3:
        letters += 'e';
        break;
    }
  }
  return letters;
}

TEST(TypeOfLayer, LeavesFirstLayersAndTheLast) {
  EXPECT_EQ(types(1024, 28, NumberType::kBFloat16), std::string(28, 'b'));
  EXPECT_EQ(types(2560, 36, NumberType::kInt8), "b" + std::string(34, 'i') + "b");
  EXPECT_EQ(types(2560, 36, NumberType::kE4m3), "bbbbbb" + std::string(29, 'e') + "b");
  EXPECT_EQ(types(1024, 28, NumberType::kE4m3), "bb" + std::string(25, 'e') + "b");
  EXPECT_EQ(types(256, 6, NumberType::kE4m3), "beeeeb");
  EXPECT_EQ(types(4096, 2, NumberType::kE4m3), "bb");
}

TEST(WeightBytes, AreOfEachLayersType) {
  TransformerSpec spec;
  spec.hidden = 4096;
  spec.ffn = 1024;
  spec.num_layers = 12;
  spec.num_heads = 8;
  spec.num_kv_heads = 2;
  spec.head_dim = 128;
  spec.vocab = 1000;
  const std::size_t whole = weight_bytes(spec, NumberType::kBFloat16);
  const std::size_t saved_int8 = whole - weight_bytes(spec, NumberType::kInt8);
  const std::size_t saved_e4m3 = whole - weight_bytes(spec, NumberType::kE4m3);
  EXPECT_GT(saved_e4m3, 0U);
  EXPECT_EQ(saved_int8 % 10, 0U);
  EXPECT_EQ(saved_e4m3, saved_int8 / 10 * 9);  // 9 of 12 layers, and 10
}

}  // namespace
}  // namespace rerank::cuda
