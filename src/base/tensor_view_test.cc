// Views: rows, sizes, and widening from every type at any alignment.
#include "base/tensor_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <vector>

namespace rerank {
namespace {

using testing::ElementsAre;

TEST(TensorView, KnowsItsSize) {
  const TensorView view{DataType::kBFloat16, {3, 5}, reinterpret_cast<const std::byte*>("x")};
  EXPECT_EQ(view.num_elements(), 15);
  EXPECT_EQ(view.size_bytes(), 30u);
  EXPECT_FALSE(view.empty());
  EXPECT_TRUE(TensorView{}.empty());
}

TEST(TensorView, RowIsAViewOfItsOwn) {
  const std::vector<float> values = {0, 1, 2, 3, 4, 5};
  const TensorView view{DataType::kFloat32, {2, 3}, reinterpret_cast<const std::byte*>(values.data())};
  const TensorView row = view.row(1);
  EXPECT_THAT(row.shape, ElementsAre(3));
  std::vector<float> out(3);
  widen(row, 0, out);
  EXPECT_THAT(out, ElementsAre(3, 4, 5));
}

TEST(TensorView, WidensEveryTypeUnaligned) {
  // 1, -2, 0.5 in each type; the tensor starts at an odd address.
  const float floats[] = {1, -2, 0.5f};
  const std::uint16_t bfloats[] = {0x3f80, 0xc000, 0x3f00}, halves[] = {0x3c00, 0xc000, 0x3800};
  const auto expect_values = [](DataType type, const void* values) {
    std::vector<std::byte> memory(64);
    std::memcpy(memory.data() + 1, values, 3 * element_bytes(type));
    const TensorView view{type, {3}, memory.data() + 1};
    std::vector<float> out(3);
    widen(view, 0, out);
    EXPECT_THAT(out, ElementsAre(1, -2, 0.5f)) << to_string(type);
    out.resize(2);
    widen(view, 1, out);
    EXPECT_THAT(out, ElementsAre(-2, 0.5f)) << to_string(type);
  };
  expect_values(DataType::kFloat32, floats);
  expect_values(DataType::kBFloat16, bfloats);
  expect_values(DataType::kFloat16, halves);
}

}  // namespace
}  // namespace rerank
