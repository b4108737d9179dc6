// Synthetic weights bit for bit: compared with golden values, and every way to generate them with the others.
#include "model/synthetic/synthetic_weights.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/string.hpp>
#include <cmath>
#include <thread>

#include "base/files/whole_file.h"
#include "checkpoint/checkpoint.h"
#include "checkpoint/scratch_directory.h"
#include "model/open_model.h"
#include "model/reranker.h"
#include "model/synthetic/synthetic_checkpoint.h"
#include "tests/support/error_of.h"

namespace rerank {
namespace {

using testing::HasSubstr;

BFloat16 weight(const SyntheticRecipe& recipe, std::string_view name, std::uint64_t index) {
  BFloat16 value{};
  make_synthetic_weights(recipe, name, index, {&value, 1});
  return value;
}

TEST(SyntheticWeights, EqualTheGoldenBits) {
  const std::string text = read_whole_file(RERANK_SOURCE_DIR "/tests/data/synthetic-weights.json");
  std::size_t num_compared = 0;
  const boost::json::value root = boost::json::parse(text);
  for (const auto& pair : root.as_object()) {
    const std::string_view model_and_name(pair.key().data(), pair.key().size());
    const std::string_view name = model_and_name.substr(model_and_name.find('/') + 1);
    const boost::json::object& golden = pair.value().as_object();
    const boost::json::array& indices = golden.at("index").as_array();
    for (std::size_t i = 0; i < indices.size(); ++i) {
      const BFloat16 value = weight({}, name, indices[i].to_number<std::uint64_t>());
      const std::string wanted(golden.at("bf16_bits").as_array()[i].as_string());
      EXPECT_EQ(fmt::format("{:04x}", value.bits), wanted) << model_and_name << " " << i;
      ++num_compared;
    }
  }
  EXPECT_EQ(num_compared, 140u);
}

// The documented recipe, one weight at a time.
BFloat16 weight_by_recipe(const SyntheticRecipe& recipe, std::string_view name, std::uint64_t index) {
  constexpr std::uint64_t kGamma = 0x9E3779B97F4A7C15;
  std::uint64_t key = 0xCBF29CE484222325;
  for (const char c : name) key = (key ^ static_cast<unsigned char>(c)) * 0x100000001B3;
  std::uint64_t z = (key ^ (recipe.seed * kGamma)) + (index + 1) * kGamma;
  z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
  z = (z ^ z >> 27) * 0x94D049BB133111EB;
  z = z ^ z >> 31;
  const float u = static_cast<float>(z >> 40) / 16777216.0f;
  const float r = 2.0f * u - 1.0f;
  if (name.ends_with("norm.weight")) return to_bfloat16(1.0f + 0.25f * r);
  return to_bfloat16(static_cast<float>(std::sqrt(3.0) * recipe.std) * r);
}

// A million norm weights contain about sixteen rounding ties.
TEST(SyntheticWeights, FollowTheRecipeToTheLastBit) {
  const SyntheticRecipe recipe{0xFEDCBA9876543210, 0.02};
  std::vector<BFloat16> values(1 << 20);
  for (const char* name : {"model.norm.weight", "model.layers.11.mlp.gate_proj.weight"}) {
    make_synthetic_weights(recipe, name, 12345, values);
    for (std::size_t i = 0; i < values.size(); ++i) {
      ASSERT_EQ(values[i].bits, weight_by_recipe(recipe, name, 12345 + i).bits) << name << " " << i;
    }
  }
}

TEST(SyntheticWeights, AreTheSameInRunsOfAnyLength) {
  const SyntheticRecipe recipe{77, 0.5};
  for (const char* name : {"model.layers.3.mlp.up_proj.weight", "model.layers.3.input_layernorm.weight"}) {
    std::vector<BFloat16> whole(5000);
    make_synthetic_weights(recipe, name, 0, whole);
    for (std::size_t first = 0; first < whole.size(); first += 997) {
      for (const std::size_t count : {1, 255, 256, 257, 700}) {
        std::vector<BFloat16> part(std::min(count, whole.size() - first));
        make_synthetic_weights(recipe, name, first, part);
        for (std::size_t i = 0; i < part.size(); ++i) ASSERT_EQ(part[i].bits, whole[first + i].bits);
      }
    }
  }
}

TEST(SyntheticWeights, HaveTheAskedDeviation) {
  std::vector<BFloat16> values(1 << 20);
  make_synthetic_weights({5, 0.25}, "x.weight", 0, values);
  double sum = 0;
  double squares = 0;
  for (const BFloat16 value : values) {
    sum += to_float(value);
    squares += to_float(value) * to_float(value);
  }
  const double n = static_cast<double>(values.size());
  EXPECT_NEAR(sum / n, 0, 0.001);
  EXPECT_NEAR(squares / n, 0.0625, 0.0002);
}

TEST(SyntheticWeights, DependOnSeedAndName) {
  EXPECT_NE(weight({1, 0.03}, "a.weight", 0).bits, weight({2, 0.03}, "a.weight", 0).bits);
  EXPECT_NE(weight({1, 0.03}, "a.weight", 0).bits, weight({1, 0.03}, "b.weight", 0).bits);
}

TEST(SyntheticCheckpoint, MakesEveryTensorOfItsConfig) {
  for (const char* size : {"nano", "odd"}) {
    const auto checkpoint = open_model(std::string("synth:") + size);
    for (const TensorInfo& info : checkpoint->tensors()) {
      const TensorView view = checkpoint->tensor(info.name);
      ASSERT_EQ(view.shape, info.shape);
      ASSERT_EQ(view.type, DataType::kBFloat16);
      const auto* elements = reinterpret_cast<const BFloat16*>(view.data);
      const std::int64_t last = view.num_elements() - 1;
      for (const std::int64_t index : {std::int64_t{0}, last / 3, last / 2, last}) {
        ASSERT_EQ(elements[index].bits, weight({}, info.name, static_cast<std::uint64_t>(index)).bits)
            << info.name;
      }
    }
    EXPECT_EQ(checkpoint->contains("lm_head.weight"), std::string(size) == "odd");
  }
}

TEST(SyntheticCheckpoint, KeepsATensorUntilItIsReleased) {
  const auto checkpoint = open_model("synth:nano");
  const std::byte* first = checkpoint->tensor("model.norm.weight").data;
  EXPECT_EQ(checkpoint->tensor("model.norm.weight").data, first);
  const std::byte value = first[5];
  checkpoint->release("model.norm.weight");
  checkpoint->release("model.norm.weight");
  EXPECT_EQ(checkpoint->tensor("model.norm.weight").data[5], value);
  EXPECT_THAT(error_of([&] { checkpoint->tensor("none"); }), HasSubstr("no tensor none"));
  EXPECT_THAT(error_of([&] { checkpoint->release("none"); }), HasSubstr("no tensor none"));
}

TEST(SyntheticCheckpoint, ServesSeveralThreads) {
  const auto checkpoint = open_model("synth:nano");
  std::vector<std::vector<const std::byte*>> seen(4);
  {
    std::vector<std::jthread> threads;
    threads.reserve(seen.size());
    for (auto& found : seen) {
      threads.emplace_back([&] {
        for (const TensorInfo& info : checkpoint->tensors())
          found.push_back(checkpoint->tensor(info.name).data);
      });
    }
  }
  for (const auto& found : seen) EXPECT_EQ(found, seen[0]);
}

TEST(SyntheticCheckpoint, IdentityNamesConfigSeedAndDeviation) {
  const auto identity = [](const char* size, std::uint64_t seed, double std) {
    return SyntheticCheckpoint({published_config(size), size, {seed, std}}).identity();
  };
  const std::string base = identity("nano", 1, 0.03);
  EXPECT_EQ(identity("nano", 1, 0.03), base);
  EXPECT_NE(identity("odd", 1, 0.03), base);
  EXPECT_NE(identity("nano", 2, 0.03), base);
  EXPECT_NE(identity("nano", 1, 0.030000001), base);
}

TEST(SyntheticCheckpoint, RefusesBadOptions) {
  const std::string config = published_config("nano");
  for (const double std : {0.0, -1.0, 11.0, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(error_of([&] { SyntheticCheckpoint({config, "nano", {1, std}}); }), HasSubstr("std is"));
  }
  EXPECT_THAT(error_of([&] {
                SyntheticCheckpoint({"{}", "x", {}});
              }),
              HasSubstr("lacks the key \"architectures\""));
  EXPECT_THAT(error_of([&] { synthetic_config("no-such-file"); }), HasSubstr("no-such-file"));
  const ScratchDirectory scratch;
  EXPECT_EQ(synthetic_config(scratch.write("config.json", config).string()), config);
  EXPECT_EQ(synthetic_config("NANO"), config);
}

}  // namespace
}  // namespace rerank
