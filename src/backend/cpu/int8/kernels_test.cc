// Products of quantized rows: every instruction set gives, bit for bit, what a few plain loops give.
#include "backend/cpu/kernels.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/gemm.h"
#include "backend/cpu/int8/panel.h"
#include "backend/cpu/row_tiles.h"
#include "backend/quantization.h"
#include "base/memory_block.h"

namespace rerank::cpu {
namespace {

using Floats = std::vector<float>;

struct QuantizedRow {
  std::vector<std::int32_t> values;
  float scale = 0;

  explicit QuantizedRow(Floats row) {
    turn_row(row);
    float largest = 0;
    for (const float x : row) largest = std::max(largest, std::abs(x));
    const float step = largest < 1e-30f ? 1.0f : largest / 127.0f;
    for (const float x : row) values.push_back(static_cast<std::int32_t>(std::nearbyint(x * (1.0f / step))));
    scale = step / std::sqrt(static_cast<float>(turned_columns(static_cast<std::int32_t>(row.size()))));
  }
};

float product(const QuantizedRow& row, const QuantizedRow& output) {
  std::int64_t sum = 0;
  for (std::size_t i = 0; i < row.values.size(); ++i) sum += row.values[i] * output.values[i];
  return static_cast<float>(sum) * row.scale * output.scale;
}

class Int8KernelsTest : public testing::TestWithParam<const Kernels*> {
 protected:
  void SetUp() override {
    if (!kernels_.supported()) GTEST_SKIP() << "not on this processor";
  }

  Floats normal(std::int32_t count) {
    std::normal_distribution<float> normal;
    Floats values(static_cast<std::size_t>(count));
    for (float& x : values) x = normal(random_);
    return values;
  }
  // Packs rows and outputs, and multiplies them.
  Floats multiply(const std::vector<Floats>& rows, const std::vector<Floats>& outputs) {
    const auto k = static_cast<std::int32_t>(rows[0].size()),
               num_rows = static_cast<std::int32_t>(rows.size());
    const MemoryBlock tiles(row_tiles_bytes(kernels_, num_rows, k));
    for (std::int32_t r = 0; r < num_rows; ++r)
      kernels_.pack_row(rows[static_cast<std::size_t>(r)].data(), {tiles.data(), k}, r);
    const std::size_t num_panels = outputs.size() / kPanelColumns;
    const MemoryBlock panels(num_panels * int8_panel_bytes(k));
    for (std::size_t p = 0; p < num_panels; ++p) {
      PanelRows from{.rows = {}, .type = DataType::kFloat32};
      for (std::size_t c = 0; c < kPanelColumns; ++c)
        from.rows[c] = reinterpret_cast<const std::byte*>(outputs[p * kPanelColumns + c].data());
      pack_int8_panel(from, k, k, {}, panels.data() + p * int8_panel_bytes(k));
    }
    Floats out(rows.size() * outputs.size());
    ThreadPool pool(2);
    run_gemm(pool, kernels_,
             {.rows = {tiles.data(), k},
              .num_rows = num_rows,
              .panels = panels.data(),
              .end_panel = static_cast<std::int32_t>(num_panels),
              .out = out.data(),
              .out_stride = static_cast<std::int64_t>(outputs.size())});
    return out;
  }

  const Kernels& kernels_ = *GetParam();
  std::mt19937 random_{3};
};

TEST_P(Int8KernelsTest, ProductsAreExact) {
  for (const std::int32_t k : {48, 96, 192, 1024}) {
    std::vector<Floats> rows, outputs;
    for (int r = 0; r < 37; ++r) rows.push_back(normal(k));
    rows[3][5] = 300;                      // an outlier
    rows[4].assign(rows[4].size(), 0.0f);  // nothing
    rows[5].assign(rows[5].size(), 1.0f);  // all in one value of a run
    for (float& x : rows[6]) x *= 1e-20f;
    for (int c = 0; c < 3 * kPanelColumns; ++c) outputs.push_back(normal(k));
    const Floats found = multiply(rows, outputs);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const QuantizedRow row(rows[r]);
      for (std::size_t c = 0; c < outputs.size(); ++c) {
        const float wanted = product(row, QuantizedRow(outputs[c]));
        ASSERT_EQ(std::bit_cast<std::uint32_t>(found[r * outputs.size() + c]),
                  std::bit_cast<std::uint32_t>(wanted))
            << "row " << r << ", output " << c << " of " << k;
      }
    }
  }
}

// The largest sums that there are.
TEST_P(Int8KernelsTest, SumsDoNotSaturate) {
  const std::int32_t k = 4096;
  Floats same(static_cast<std::size_t>(k), 0.0f), opposite = same;
  for (std::int32_t i = 0; i < k; i += 64) same[static_cast<std::size_t>(i)] = 1;  // turned: all of one size
  for (std::size_t i = 0; i < same.size(); ++i) opposite[i] = -same[i];
  std::vector<Floats> outputs(kPanelColumns, same);
  outputs[1] = opposite;
  const Floats found = multiply({same, opposite}, outputs);
  for (const std::size_t at : {0, 1}) {
    EXPECT_EQ(found[at], product(QuantizedRow(same), QuantizedRow(outputs[at])));
    EXPECT_EQ(found[kPanelColumns + at], -found[at]);
  }
  EXPECT_NEAR(found[0], static_cast<float>(k) / 64, 1e-3);
}

TEST_P(Int8KernelsTest, WhatIsNotFiniteShows) {
  std::vector<Floats> rows(3, normal(64));
  const std::vector<Floats> outputs(kPanelColumns, normal(64));
  const Floats before = multiply(rows, outputs);
  for (const float value : {NAN, INFINITY, -INFINITY}) {
    rows[1][7] = value;
    const Floats found = multiply(rows, outputs);
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (i / kPanelColumns == 1) {
        EXPECT_FALSE(std::isfinite(found[i]));
      } else {
        EXPECT_EQ(found[i], before[i]);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, Int8KernelsTest,
                         testing::Values(&kAvx2Int8, &kAvxVnniInt8, &kAvx512VnniInt8,
                                         &kAvx512VnniInt8WithBFloat16, &kAmxInt8),
                         [](const testing::TestParamInfo<const Kernels*>& test) {
                           return std::string(test.param->instruction_set) + "_" + std::to_string(test.index);
                         });

}  // namespace
}  // namespace rerank::cpu
