// The cache file of packed weights: used if it matches the checkpoint, rewritten if it does not, optional if
// it cannot be written.
#include "backend/cpu/packed_weights.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/random_decoder.h"

namespace rerank::cpu {
namespace {

using testing::SizeIs;

const TransformerSpec kShape{.hidden = 32,
                             .ffn = 48,
                             .num_layers = 2,
                             .num_heads = 2,
                             .num_kv_heads = 1,
                             .head_dim = 32,
                             .vocab = 5,
                             .max_positions = 8,
                             .norm_eps = 1e-6f,
                             .rotations = {rotary_frequencies(32, 1e6)},
                             .qk_norm = true};

class PackedWeightsTest : public testing::Test {
 protected:
  PackedWeightsTest() {
    std::string name = (std::filesystem::temp_directory_path() / "rerank-packed-XXXXXX").string();
    directory_ = ::mkdtemp(name.data());
  }
  ~PackedWeightsTest() override {
    std::error_code ignored;
    std::filesystem::permissions(directory_, std::filesystem::perms::owner_all, ignored);
    std::filesystem::remove_all(directory_, ignored);
  }

  PackedWeights load(RandomDecoder& weights, Format format = Format::kBFloat16) {
    return {weights, packed_form(weights, format), directory_.string(), pool_};
  }
  std::vector<std::filesystem::path> files() const {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(directory_)) found.push_back(entry.path());
    return found;
  }
  // Whether the model is that of `weights`: compares two of its rows, from both ends.
  static bool holds(const PackedWeights& packed, RandomDecoder& weights) {
    const auto floats = [](const TensorView& view) {
      std::vector<float> out(static_cast<std::size_t>(view.num_elements()));
      widen(view, 0, out);
      return out;
    };
    const std::vector<float> norm = floats(weights.layer(0).attention_norm.weight),
                             yes = floats(weights.head_yes());
    return std::equal(norm.begin(), norm.end(), packed.model().layers[0].attention_norm.weight) &&
           std::equal(yes.begin(), yes.end(), packed.model().head_yes);
  }

  std::filesystem::path directory_;
  ThreadPool pool_{2};
  RandomDecoder weights_{kShape, DataType::kBFloat16, 1};
};

TEST_F(PackedWeightsTest, WritesOnceAndMapsAfter) {
  const std::string file = load(weights_).cache_file();
  ASSERT_THAT(files(), SizeIs(1));
  EXPECT_EQ(files()[0], file);
  const auto written = std::filesystem::last_write_time(file);
  const PackedWeights again = load(weights_);
  EXPECT_EQ(again.cache_file(), file);
  EXPECT_EQ(std::filesystem::last_write_time(file), written);
  EXPECT_TRUE(holds(again, weights_));
  EXPECT_EQ(std::filesystem::file_size(file), static_cast<std::uintmax_t>(again.size_bytes()) + 4096);
}

TEST_F(PackedWeightsTest, MakesTheDirectory) {
  const std::filesystem::path below = directory_ / "a" / "b";
  const PackedWeights packed(weights_, packed_form(weights_, Format::kBFloat16), below.string(), pool_);
  EXPECT_TRUE(std::filesystem::exists(packed.cache_file()));
}

TEST_F(PackedWeightsTest, OtherWeightsAndTypesHaveOtherFiles) {
  RandomDecoder other(kShape, DataType::kBFloat16, 2);
  const std::string first = load(weights_).cache_file();
  const PackedWeights second = load(other);
  EXPECT_NE(second.cache_file(), first);
  EXPECT_TRUE(holds(second, other));
  EXPECT_FALSE(holds(second, weights_));
  const PackedWeights third = load(weights_, Format::kFloat32);
  EXPECT_EQ(third.form().format, Format::kFloat32);
  EXPECT_NE(third.cache_file(), first);
  EXPECT_THAT(files(), SizeIs(3));
}

// Of three layers only the one in the middle is quantized.
TEST_F(PackedWeightsTest, QuantizedLayersTakeHalfTheMemory) {
  TransformerSpec spec = kShape;
  spec.num_layers = 3;
  spec.hidden = 256;
  spec.ffn = 512;
  RandomDecoder weights(spec, DataType::kBFloat16, 1);
  const PackedWeights whole = load(weights);
  const PackedWeights int8(weights, packed_form(weights, Format::kBFloat16, true), directory_.string(),
                           pool_);
  EXPECT_NE(int8.cache_file(), whole.cache_file());
  const auto format = [&](const PackedWeights& packed, std::size_t layer) {
    return packed.model().layers[layer].qkv.format;
  };
  for (const std::size_t layer : {0, 1, 2}) {
    EXPECT_EQ(format(whole, layer), Format::kBFloat16);
    EXPECT_EQ(format(int8, layer), layer == 1 ? Format::kInt8 : Format::kBFloat16);
  }
  const std::int64_t values =
      std::int64_t{spec.hidden} * (spec.qkv_dim() + spec.query_dim() + 3 * spec.ffn);  // of a layer
  const std::int64_t saved = whole.size_bytes() - int8.size_bytes();                   // of 2 bytes each
  EXPECT_LE(saved, values);
  EXPECT_GE(saved, values * 9 / 10) << "scales, offsets and padding take more than a tenth";
}

// Specifications that are packed differently, of a checkpoint with the same identity.
TEST_F(PackedWeightsTest, OtherKeysHaveOtherFiles) {
  const std::string first = load(weights_).cache_file();
  std::vector<TransformerSpec> specs(12, kShape);
  specs[0].qkv_bias = true;
  specs[1].qk_norm = false;
  specs[2].norm_weight_offset = 1;
  specs[3].norm = NormKind::kLayer;
  specs[4].output_bias = true;
  specs[5].gated = false;
  specs[6].gate_bias = true;
  specs[7].down_bias = true;
  specs[8].num_position_rows = 3;
  specs[9].num_token_types = 2;
  specs[10].embedding_norm = true;
  specs[11].head = {{.outputs = 1}};
  for (const TransformerSpec& spec : specs) {
    RandomDecoder other(spec, DataType::kBFloat16, 1);
    EXPECT_NE(load(other).cache_file(), first);
  }
  EXPECT_THAT(files(), SizeIs(1 + specs.size()));
}

// An upgrade must not pack gigabytes again: this is the file name for these weights since format 2.
TEST_F(PackedWeightsTest, FilesOfEarlierProgramsStayGood) {
  EXPECT_EQ(std::filesystem::path(load(weights_).cache_file()).filename(), "weights-69851ea15df3294f");
}

TEST_F(PackedWeightsTest, WritesAnewWhatDoesNotFit) {
  const std::string file = load(weights_).cache_file();
  RandomDecoder other(kShape, DataType::kBFloat16, 2);
  const std::string others = load(other).cache_file();
  const std::function<void()> damages[] = {
      [&] { std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1); },
      [&] { std::filesystem::resize_file(file, std::filesystem::file_size(file) + 1); },
      [&] { std::filesystem::resize_file(file, 0); },
      [&] { std::fstream(file, std::ios::in | std::ios::out).seekp(30).put('#'); },
      [&] { std::fstream(file, std::ios::in | std::ios::out).seekp(4095).put('#'); },
      // The right name but another checkpoint's weights.
      [&] { std::filesystem::copy_file(others, file, std::filesystem::copy_options::overwrite_existing); }};
  for (const auto& damage : damages) {
    damage();
    {
      const PackedWeights packed = load(weights_);
      EXPECT_EQ(packed.cache_file(), file);
      EXPECT_TRUE(holds(packed, weights_));
    }
    const auto written = std::filesystem::last_write_time(file);
    EXPECT_TRUE(holds(load(weights_), weights_));
    EXPECT_EQ(std::filesystem::last_write_time(file), written);
  }
  EXPECT_THAT(files(), SizeIs(2));
}

TEST_F(PackedWeightsTest, DoesWithoutWhereItCannotWrite) {
  // A file in place of the directory stops even root.
  const std::filesystem::path blocked = directory_ / "file";
  std::ofstream(blocked) << "x";
  for (const std::filesystem::path& place : {blocked, blocked / "below"}) {
    const PackedWeights packed(weights_, packed_form(weights_, Format::kBFloat16), place.string(), pool_);
    EXPECT_EQ(packed.cache_file(), "");
    EXPECT_TRUE(holds(packed, weights_));
  }
  const PackedWeights unasked(weights_, packed_form(weights_, Format::kBFloat16), "", pool_);
  EXPECT_EQ(unasked.cache_file(), "");
  EXPECT_TRUE(holds(unasked, weights_));
  EXPECT_THAT(files(), SizeIs(1));
}

// An unreadable file of another user is a cache miss, not an error.
TEST_F(PackedWeightsTest, DoesWithoutWhatItCannotRead) {
  const std::string file = load(weights_).cache_file();
  std::filesystem::permissions(file, std::filesystem::perms::none);
  std::filesystem::permissions(directory_, std::filesystem::perms::owner_all |
                                               std::filesystem::perms::others_read |
                                               std::filesystem::perms::others_exec);
  const pid_t child = ::fork();
  if (child == 0) {
    // root can read everything.
    if (::geteuid() == 0 && ::seteuid(65534) != 0) ::_exit(2);
    try {
      ThreadPool pool(1);
      RandomDecoder weights(kShape, DataType::kBFloat16, 1);
      const PackedWeights packed(weights, packed_form(weights, Format::kBFloat16), directory_.string(), pool);
      ::_exit(holds(packed, weights) ? 0 : 3);
    } catch (const std::exception&) {
      ::_exit(4);
    }
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 0);
}

// A killed process has left a temporary file with the name that this thread would use.
TEST_F(PackedWeightsTest, LeftoversOfOthersAreNotInTheWayAndGo) {
  const std::filesystem::path file = load(weights_).cache_file();
  std::filesystem::remove(file);
  const std::filesystem::path left = file.string() + "." + std::to_string(::gettid());
  std::ofstream(left) << "x";
  EXPECT_EQ(load(weights_).cache_file(), file);
  std::filesystem::last_write_time(left,
                                   std::filesystem::file_time_type::clock::now() - std::chrono::hours(2));
  std::filesystem::remove(file);
  EXPECT_EQ(load(weights_).cache_file(), file);
  EXPECT_EQ(files(), std::vector{file});
}

// Mapped weights stay valid if another process replaces the file.
TEST_F(PackedWeightsTest, ReplacedUnderItsFeet) {
  const PackedWeights packed = load(weights_);
  std::filesystem::remove(packed.cache_file());
  EXPECT_TRUE(holds(load(weights_), weights_));
  EXPECT_TRUE(holds(packed, weights_));
}

// Ends the process when its second layer is requested.
class EndsMidway final : public RandomDecoder {
 public:
  using RandomDecoder::RandomDecoder;
  LayerWeights layer(std::int32_t layer) override {
    if (layer == 1) ::_exit(7);
    return RandomDecoder::layer(layer);
  }
};

TEST_F(PackedWeightsTest, KilledMidwayLeavesNothing) {
  const pid_t child = ::fork();
  if (child == 0) {
    ThreadPool pool(1);
    EndsMidway weights(kShape, DataType::kBFloat16, 1);
    const PackedWeights packed(weights, packed_form(weights, Format::kBFloat16), directory_.string(), pool);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  EXPECT_THAT(files(), SizeIs(0));
}

TEST_F(PackedWeightsTest, SeveralAtOnce) {
  for (int round = 0; round < 10; ++round) {
    std::vector<std::thread> threads;
    std::atomic<int> right{0};
    for (int t = 0; t < 4; ++t) {
      threads.emplace_back([&] {
        ThreadPool pool(1);
        RandomDecoder weights(kShape, DataType::kBFloat16, 1);
        const PackedWeights packed(weights, packed_form(weights, Format::kBFloat16), directory_.string(),
                                   pool);
        if (holds(packed, weights)) ++right;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(right, 4);
    ASSERT_THAT(files(), SizeIs(1));
    EXPECT_NE(load(weights_).cache_file(), "");
    std::filesystem::remove(files()[0]);
  }
}

}  // namespace
}  // namespace rerank::cpu
