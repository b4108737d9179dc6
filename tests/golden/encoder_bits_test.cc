// One and the same float for a pair of an encoder, bit for bit: alone or in company, at any row, on any
// number of threads. For each backend, arithmetic and instruction set.
#include <gtest/gtest.h>

#include <bit>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "rerank/error.h"
#include "tests/support/backend_variants.h"
#include "tests/support/random_decoder.h"
#include "tests/support/step_batches.h"
#include "tests/support/step_shapes.h"
#include "tests/support/under_sanitizer.h"

namespace rerank {
namespace {

// As wide as MiniLM, with its heads; a window that is shorter than most prompts; and a decoder's shape.
std::vector<NamedShape> encoder_shapes() {
  const auto modern_bert = [](const TransformerSpec& shape, bool has_biases, Pooling pooling) {
    return doubled(as_modern_bert(shape, has_biases, pooling));
  };
  return {{"bert", doubled(as_bert(make_shape(384, 1536, 12, 12, 32))), 1},
          {"modern_bert", modern_bert(make_shape(256, 384, 4, 4, 64), false, Pooling::kFirst), 1},
          {"modern_bert_biases", modern_bert(make_shape(96, 200, 6, 6, 16), true, Pooling::kMean), 1},
          {"gte", doubled(as_gte(make_shape(128, 200, 2, 2, 64))), 1},
          {"bidirectional", doubled(as_bidirectional(make_shape(96, 200, 6, 2, 16))), 1}};
}

class EncoderBitsTest : public testing::TestWithParam<std::tuple<NamedShape, BackendVariant>> {
 protected:
  static constexpr BackendLimits kLimits{
      .max_tokens = 3000, .max_segments = 40, .max_scores = 40, .max_ranges = 1, .num_slots = 1};

  const TransformerSpec& spec() const { return std::get<0>(GetParam()).spec; }

  std::unique_ptr<Backend> load(int num_threads) {
    auto backend = create_backend(options_of(std::get<1>(GetParam()), num_threads));
    backend->load(weights_, kLimits);
    return backend;
  }

  // Of the scored pairs.
  std::vector<std::uint32_t> run(Backend& backend, const PackedBatch& batch) const {
    const bool is_mean = spec().pooling == Pooling::kMean;
    const std::int32_t last = spec().num_layers - 1;
    backend.begin(batch);
    backend.embed();
    for (std::int32_t layer = 0; layer <= last; ++layer) {
      const bool gathers = layer == last && !is_mean;
      backend.qkv(layer, gathers ? Projection::kKeyValue : Projection::kQueryKeyValue);
      if (gathers) {
        backend.pool();
        backend.qkv(layer, Projection::kQuery);
      }
      backend.attention(layer);
      backend.attention_output(layer);
      backend.mlp_in(layer);
      backend.mlp_out(layer);
    }
    if (is_mean) backend.pool();
    backend.head();
    std::vector<float> logits(2 * static_cast<std::size_t>(batch.num_scores));
    backend.finish(logits);
    std::vector<std::uint32_t> bits;
    for (std::size_t i = 1; i < logits.size(); i += 2)
      bits.push_back(std::bit_cast<std::uint32_t>(logits[i]));
    return bits;
  }

  RandomDecoder weights_{std::get<0>(GetParam()).spec, DataType::kBFloat16, 7};
};

struct Pair {
  std::vector<std::int32_t> ids;
  std::int32_t type_border;
};

void add(PackedBatch& batch, const Pair& pair, bool scored) {
  batch.segments.push_back({.first_row = batch.num_tokens(),
                            .num_tokens = static_cast<std::int32_t>(pair.ids.size()),
                            .score = scored ? batch.num_scores++ : kNotScored,
                            .type_border = pair.type_border});
  batch.ids.insert(batch.ids.end(), pair.ids.begin(), pair.ids.end());
}

// Lengths at the borders of tiles of keys and rows and of attention blocks, and any others.
std::vector<Pair> make_pairs(const TransformerSpec& spec, std::mt19937& random) {
  std::vector<Pair> pairs;
  for (std::int32_t length : {1, 2, 13, 14, 15, 63, 64, 65, 128, 129, 158, 256, 257, 300, 0, 0, 0, 0}) {
    if (length == 0) length = 1 + static_cast<std::int32_t>(random() % 200);
    Pair& pair = pairs.emplace_back();
    for (std::int32_t i = 0; i < length; ++i)
      pair.ids.push_back(static_cast<std::int32_t>(random() % static_cast<std::uint32_t>(spec.vocab)));
    pair.type_border = spec.num_token_types > 1 ? length / 3 : kOneType;
  }
  return pairs;
}

TEST_P(EncoderBitsTest, PairsInAnyCompany) {
  std::vector<std::unique_ptr<Backend>> machines;
  try {
    for (const int threads : {1, 2, 3}) machines.push_back(load(threads));
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    GTEST_SKIP() << error.what();
  }
  std::mt19937 random(3);
  const std::vector<Pair> pairs = make_pairs(spec(), random);
  std::vector<std::uint32_t> wanted;
  for (const Pair& pair : pairs) {
    PackedBatch batch;
    add(batch, pair, true);
    wanted.push_back(run(*machines[0], batch)[0]);
  }
  for (int round = 0; round < (kUnderSanitizer ? 3 : 9); ++round) {
    PackedBatch batch;
    std::vector<std::size_t> scored;
    for (int i = 0; i < 20; ++i) {
      const std::size_t p = random() % pairs.size();
      if (batch.ids.size() + pairs[p].ids.size() > 3000) continue;
      const bool is_scored = random() % 5 != 0;
      add(batch, pairs[p], is_scored);
      if (is_scored) scored.push_back(p);
    }
    const std::vector<std::uint32_t> found = run(*machines[static_cast<std::size_t>(round % 3)], batch);
    for (std::size_t i = 0; i < found.size(); ++i)
      EXPECT_EQ(found[i], wanted[scored[i]]) << pairs[scored[i]].ids.size() << " tokens, round " << round;
  }
}

INSTANTIATE_TEST_SUITE_P(All, EncoderBitsTest,
                         testing::Combine(testing::ValuesIn(encoder_shapes()),
                                          testing::ValuesIn(scoring_variants())),
                         [](const testing::TestParamInfo<EncoderBitsTest::ParamType>& test) {
                           return std::string(std::get<0>(test.param).name) + "_" +
                                  std::get<1>(test.param).name();
                         });

}  // namespace
}  // namespace rerank
