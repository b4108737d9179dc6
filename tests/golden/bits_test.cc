// One and the same float for a pair, bit for bit: alone or in company, at any row, its prompt cut anywhere,
// shared, cached, in chunks, on any number of threads. For each backend, arithmetic and instruction set.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "checkpoint/scratch_directory.h"
#include "model/synthetic/synthetic_checkpoint.h"
#include "rerank/engine.h"
#include "rerank/error.h"
#include "tests/decoder_forward.h"
#include "tests/golden/golden_file.h"
#include "tests/golden/random_cuts.h"
#include "tests/support/backend_variants.h"
#include "tests/support/byte_tokenizer.h"
#include "tests/support/open_reranker.h"
#include "tests/support/random_decoder.h"
#include "tests/support/test_tokenizer_file.h"
#include "tests/support/under_sanitizer.h"

namespace rerank {
namespace {

using Ids = std::vector<std::int32_t>;
using Bits = std::pair<std::uint32_t, std::uint32_t>;  // of logit_no and logit_yes

Bits bits_of(float no, float yes) {
  return {std::bit_cast<std::uint32_t>(no), std::bit_cast<std::uint32_t>(yes)};
}

constexpr std::int32_t kSmallVocab = 4096;

// The golden sizes, and a model as wide as the published 0.6B with three layers, so that one can be
// quantized, and a vocabulary small enough to make.
std::shared_ptr<Checkpoint> open_size(const std::string& size) {
  if (size != "wide") return open_model("synth:" + size);
  std::string config = published_config("0.6B");
  const auto replace = [&](const std::string& from, const std::string& to) {
    config.replace(config.find(from), from.size(), to);
  };
  replace("\"num_hidden_layers\": 28", "\"num_hidden_layers\": 3");
  replace("\"vocab_size\": 151669", "\"vocab_size\": " + std::to_string(kSmallVocab));
  return std::make_shared<SyntheticCheckpoint>(SyntheticOptions{config, "wide", {}});
}

// As Qwen2 and Gemma at once: what those families have and the models above have not.
const TransformerSpec kOtherKeys{.hidden = 96,
                                 .ffn = 200,
                                 .num_layers = 3,
                                 .num_heads = 6,
                                 .num_kv_heads = 2,
                                 .head_dim = 64,
                                 .vocab = kSmallVocab,
                                 .max_positions = 1000,
                                 .norm_eps = 1e-6f,
                                 .rotations = {rotary_frequencies(64, 1e4)},
                                 .qkv_bias = true,
                                 .qk_norm = false,
                                 .activation = MlpActivation::kGeluTanh,
                                 .norm_weight_offset = 1,
                                 .embedding_scale = 9.75f};

// As Gemma: heads as wide as a tile of a GPU's products, which walk keys in other tiles too.
const TransformerSpec kWideHeads{.hidden = 96,
                                 .ffn = 200,
                                 .num_layers = 3,
                                 .num_heads = 4,
                                 .num_kv_heads = 1,
                                 .head_dim = 256,
                                 .vocab = kSmallVocab,
                                 .max_positions = 1000,
                                 .norm_eps = 1e-6f,
                                 .rotations = {rotary_frequencies(256, 1e4)},
                                 .qk_norm = false,
                                 .activation = MlpActivation::kGeluTanh,
                                 .norm_weight_offset = 1,
                                 .embedding_scale = 9.75f};

// A backend with its model, fed with batches by hand.
class Machine {
 public:
  static constexpr BackendLimits kLimits{
      .max_tokens = 3300, .max_segments = 100, .max_scores = 20, .max_ranges = 400, .num_slots = 6000};

  // Throws Error{kUnsupported} where this processor lacks the variant.
  Machine(const std::string& size, const BackendVariant& variant, int num_threads)
      : backend_(create_backend(options_of(variant, num_threads))) {
    if (size == "other_keys" || size == "wide_heads") {
      random_ = std::make_unique<RandomDecoder>(size == "other_keys" ? kOtherKeys : kWideHeads,
                                                DataType::kBFloat16, 31);
    } else {
      model_ = create_model(open_size(size), {.no = 2152, .yes = size == "wide" ? 1111 : 9693}, 1000);
    }
    backend_->load(random_ ? *random_ : model_->weights(), kLimits);
  }

  std::vector<Bits> run(const PackedBatch& batch) {
    std::vector<float> logits(2 * static_cast<std::size_t>(batch.num_scores));
    if (random_) {
      logits = run_decoder(*backend_, random_->spec(), batch);
    } else {
      backend_->begin(batch);
      model_->forward(*backend_);
      backend_->finish(logits);
    }
    std::vector<Bits> bits;
    for (std::size_t i = 0; i < logits.size(); i += 2) bits.push_back(bits_of(logits[i], logits[i + 1]));
    return bits;
  }
  Bits run_alone(const Ids& ids) {
    PackedBatch batch;
    batch.ids = ids;
    batch.segments = {{.num_tokens = batch.num_tokens(), .score = 0}};
    batch.num_scores = 1;
    return run(batch)[0];
  }

 private:
  std::unique_ptr<RandomDecoder> random_;  // else model_
  std::unique_ptr<Model> model_;
  std::unique_ptr<Backend> backend_;
};

class BitsTest : public testing::TestWithParam<std::tuple<std::string, BackendVariant>> {
 protected:
  const std::string size_ = std::get<0>(GetParam());
  const BackendVariant variant_ = std::get<1>(GetParam());
};

TEST_P(BitsTest, PromptsCutAnywhere) {
  if (size_ == "wide" && kUnderSanitizer) GTEST_SKIP() << "wide is slow here, and the same code as odd";
  std::vector<Ids> all;
  for (const GoldenCase& c : GoldenFile::read("nano").cases_with_ids()) {
    if (c.num_tokens > 230) continue;  // of the wide model each takes its time
    all.push_back(c.ids);
    for (std::int32_t& id : all.back()) id = size_ == "nano" || size_ == "odd" ? id : id % kSmallVocab;
  }
  ASSERT_GE(all.size(), 20u);
  const std::size_t num_prompts = size_ == "wide" ? 6 : 14;
  std::unique_ptr<Machine> one, two, three;
  try {
    one = std::make_unique<Machine>(size_, variant_, 1);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    GTEST_SKIP() << error.what();
  }
  two = std::make_unique<Machine>(size_, variant_, 2);
  three = std::make_unique<Machine>(size_, variant_, 3);
  std::map<Ids, Bits> wanted;
  std::mt19937 random(17);
  for (std::uint32_t round = 0; round < (size_ == "wide" ? 3u : 12u); ++round) {
    std::shuffle(all.begin(), all.end(), random);
    const std::vector<Ids> prompts(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(num_prompts));
    const RandomCuts cuts(prompts, round);
    Machine& machine = *std::vector<Machine*>{one.get(), two.get(), three.get()}[round % 3];
    for (std::size_t b = 0; b < cuts.batches().size(); ++b) {
      if (cuts.batches()[b].ids.empty()) continue;
      const std::vector<Bits> found = machine.run(cuts.batches()[b]);
      for (std::size_t s = 0; s < found.size(); ++s) {
        const Ids& prompt = prompts[cuts.scored()[b][s]];
        if (!wanted.contains(prompt)) wanted[prompt] = one->run_alone(prompt);
        EXPECT_EQ(found[s], wanted[prompt]) << "round " << round << ", " << prompt.size() << " tokens";
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, BitsTest,
                         testing::Combine(testing::Values("nano", "odd", "wide", "other_keys", "wide_heads"),
                                          testing::ValuesIn(scoring_variants())),
                         [](const testing::TestParamInfo<BitsTest::ParamType>& test) {
                           return std::get<0>(test.param) + "_" + std::get<1>(test.param).name();
                         });

// Through the engine, with the real tokenizer where it is there, else a token a byte and no long document.
class EngineBitsTest : public testing::TestWithParam<std::tuple<std::string, BackendVariant>> {
 protected:
  struct Setting {
    std::int32_t max_num_batched_tokens;
    std::int32_t num_threads;
    bool enable_prefix_caching;
    std::int32_t num_replicas = 1;
  };

  EngineBitsTest() {
    tokenizer_ = test_tokenizer_file() ? test_tokenizer_file()->string()
                                       : scratch_.write("tokenizer.json", byte_tokenizer_json()).string();
    for (const GoldenCase& c : GoldenFile::read("nano").cases) {
      if (kUnderSanitizer && requests_.size() == 12) break;
      const std::size_t longest = test_tokenizer_file() && !kUnderSanitizer ? 10000 : 600;
      if (c.request.documents[0].size() < longest) requests_.push_back(c.request);
    }
  }

  std::unique_ptr<Engine> load(const Setting& setting) const {
    EngineOptions options;
    options.model = "synth:" + std::get<0>(GetParam());
    options.tokenizer = tokenizer_;
    const BackendVariant& variant = std::get<1>(GetParam());
    options.device = variant.device;
    options.dtype = variant.dtype;
    options.quantization = variant.quantization;
    options.instruction_set = variant.instruction_set_flag();
    options.tensor_parallel_size = variant.tensor_parallel_size;
    options.use_weight_cache = false;
    options.max_num_batched_tokens = setting.max_num_batched_tokens;
    options.num_threads = setting.num_threads;
    options.enable_prefix_caching = setting.enable_prefix_caching;
    options.data_parallel_size = setting.num_replicas;
    return std::make_unique<Engine>(options);
  }

  // Requests of `order`, those with the same head as one with probability 1/2, all at once.
  std::vector<std::pair<std::size_t, Bits>> score_together(Engine& engine,
                                                           const std::vector<std::size_t>& order,
                                                           std::mt19937& random) const {
    std::vector<std::pair<std::vector<std::size_t>, Request>> groups;
    for (const std::size_t i : order) {
      const Request& request = requests_[i];
      const auto same = std::find_if(groups.begin(), groups.end(), [&](const auto& group) {
        return group.second.query == request.query && group.second.instruction == request.instruction;
      });
      if (same == groups.end() || random() % 2 == 0) {
        groups.push_back({{i}, request});
      } else {
        same->first.push_back(i);
        same->second.documents.push_back(request.documents[0]);
      }
    }
    std::vector<std::future<Result>> results;
    results.reserve(groups.size());
    for (const auto& group : groups) results.push_back(engine.submit(group.second));
    std::vector<std::pair<std::size_t, Bits>> found;
    for (std::size_t g = 0; g < groups.size(); ++g) {
      const Result result = results[g].get();
      EXPECT_EQ(result.status, Status::kOk) << result.message;
      for (std::size_t d = 0; d < result.documents.size(); ++d) {
        found.emplace_back(groups[g].first[d],
                           bits_of(result.documents[d].logit_no, result.documents[d].logit_yes));
      }
    }
    return found;
  }

  const ScratchDirectory scratch_;
  std::string tokenizer_;
  std::vector<Request> requests_;
};

TEST_P(EngineBitsTest, OneFloatForAPair) {
  std::unique_ptr<Engine> alone;
  try {
    alone = load({8192, 1, false});
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    GTEST_SKIP() << error.what();
  }
  std::vector<Bits> wanted;
  for (const Request& request : requests_) {
    const DocumentScore score = alone->score(request).documents[0];
    wanted.push_back(bits_of(score.logit_no, score.logit_yes));
  }
  std::mt19937 random(23);
  for (const Setting& setting :
       {Setting{64, 2, true}, Setting{64, 1, false}, Setting{256, 3, true}, Setting{256, 2, false},
        Setting{1024, 2, true}, Setting{1024, 3, false}, Setting{8192, 1, true}, Setting{8192, 2, false}}) {
    const auto engine = load(setting);
    // The second round finds the heads of the first, where they are kept.
    for (int round = 0; round < (kUnderSanitizer ? 1 : 2); ++round) {
      std::vector<std::size_t> order;
      for (std::size_t i = 0; i < requests_.size(); ++i) {
        // The long document once for each budget.
        const bool is_long = requests_[i].documents[0].size() > 5000;
        if (is_long ? round == 0 && setting.enable_prefix_caching : random() % 4 != 0) order.push_back(i);
      }
      std::shuffle(order.begin(), order.end(), random);
      for (const auto& [i, bits] : score_together(*engine, order, random)) {
        EXPECT_EQ(bits, wanted[i]) << "case " << i << ", budget " << setting.max_num_batched_tokens << ", "
                                   << setting.num_threads << " threads, round " << round;
      }
    }
  }
}

// A request's documents shared out between replicas, and scored by one.
TEST_P(EngineBitsTest, OneFloatOnAnyReplica) {
  Request request = requests_.front();
  request.documents.clear();
  // Enough text for three parts, see split_documents.
  std::size_t num_bytes = 0;
  for (std::size_t copy = 0; num_bytes < 28'000; ++copy) {
    for (const Request& other : requests_) {
      if (other.documents[0].size() >= 2000) continue;
      request.documents.push_back(std::to_string(copy) + other.documents[0]);
      num_bytes += request.documents.back().size();
    }
  }
  std::vector<std::vector<Bits>> found;
  std::vector<std::int64_t> head_tokens;
  for (const std::int32_t num_replicas : {1, 2, 3}) {
    std::unique_ptr<Engine> engine;
    try {
      engine = load({1024, 1, true, num_replicas});
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kUnsupported) throw;
      if (num_replicas > 2) break;  // than there are GPUs
      GTEST_SKIP() << error.what();
    }
    const Result result = engine->score(request);
    found.emplace_back();
    for (const DocumentScore& document : result.documents) {
      found.back().push_back(bits_of(document.logit_no, document.logit_yes));
    }
    // Each replica scored a part: each computed the head.
    head_tokens.push_back(engine->statistics().prefix_cache_tokens_used);
    EXPECT_EQ(head_tokens.back(), num_replicas * head_tokens.front());
  }
  for (const std::vector<Bits>& bits : found) EXPECT_EQ(bits, found.front());
}

INSTANTIATE_TEST_SUITE_P(All, EngineBitsTest,
                         testing::Combine(testing::Values("nano", "odd"),
                                          testing::ValuesIn(scoring_variants())),
                         [](const testing::TestParamInfo<EngineBitsTest::ParamType>& test) {
                           return std::get<0>(test.param) + "_" + std::get<1>(test.param).name();
                         });

}  // namespace
}  // namespace rerank
