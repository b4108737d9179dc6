// The exact logits of fixed prompts, bit by bit, as they were when tests/data/score-bits.txt was written:
// what a change of structure must not move. A change that is meant to move them says so and writes the file
// anew: a failing test prints the lines that belong into it.
//
// The file holds for any processor that rounds as the one it was written on: fused multiply-adds, square
// roots and the rest of IEEE 754 are the same everywhere, the C library's functions and vdpbf16ps need not
// be. Where their fingerprint (machine_rounding.h) is another one, the machine is another bit class, and is
// skipped.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <tuple>
#include <vector>

#include "rerank/error.h"
#include "tests/decoder_forward.h"
#include "tests/golden/golden_file.h"
#include "tests/golden/machine_rounding.h"
#include "tests/support/backend_variants.h"
#include "tests/support/open_reranker.h"
#include "tests/support/random_decoder.h"
#include "tests/support/test_source_directory.h"
#include "tests/support/under_sanitizer.h"

namespace rerank {
namespace {

using Ids = std::vector<std::int32_t>;

// A line is a key and what was found for it: "libm HASH" or "MODEL VARIANT CASE LOGIT_NO LOGIT_YES".
std::map<std::string, std::string> read_expectations() {
  std::ifstream file(test_source_directory() / "tests/data/score-bits.txt");
  std::map<std::string, std::string> found;
  for (std::string line; std::getline(file, line);) {
    if (line.empty() || line.starts_with('#')) continue;
    std::istringstream words(line);
    std::string model, variant, case_name, no, yes;
    words >> model >> variant;
    if (words >> case_name >> no >> yes) {
      found[fmt::format("{} {} {}", model, variant, case_name)] = no + " " + yes;
    } else {
      found[model] = variant;
    }
  }
  return found;
}

// Of the case's number: of one token, across a border of key tiles, of several attention blocks.
const std::map<std::string, std::vector<std::size_t>>& cases_of_models() {
  static const std::map<std::string, std::vector<std::size_t>> cases = {{"nano", {0, 4, 12, 17, 24}},
                                                                        {"odd", {0, 4, 12, 17, 24}},
                                                                        {"demo", {0, 2, 3, 9, 11}},
                                                                        {"0.6B", {0, 5}}};
  return cases;
}

constexpr BackendLimits kLimits{
    .max_tokens = 400, .max_segments = 1, .max_scores = 1, .max_ranges = 1, .num_slots = 1};

PackedBatch alone(const Ids& ids) {
  PackedBatch batch;
  batch.ids = ids;
  batch.segments = {{.num_tokens = batch.num_tokens(), .score = 0}};
  batch.num_scores = 1;
  return batch;
}

std::vector<BackendVariant> cpu_variants() {
  std::vector<BackendVariant> variants = {{"reference", "float32", "none"}};
  for (const BackendVariant& variant : backend_variants()) {
    if (!variant.cuda()) variants.push_back(variant);
  }
  return variants;
}

class ScoreBitsTest : public testing::TestWithParam<std::tuple<std::string, BackendVariant>> {
 protected:
  const std::string model_ = std::get<0>(GetParam());
  const BackendVariant variant_ = std::get<1>(GetParam());
  const std::map<std::string, std::string> expected_ = read_expectations();

  // Why this machine's bits are not those of the file; empty: they are.
  std::string why_other_bits() const {
    const std::string libm = fmt::format("{:016x}", libm_rounding());
    if (expected_.at("libm") != libm) return "libm rounds otherwise: libm " + libm;
    const std::string dot = fmt::format("{:016x}", pair_dot_rounding());
    if (variant_.bfloat16() && expected_.at("vdpbf16ps") != dot)
      return "vdpbf16ps rounds otherwise: vdpbf16ps " + dot;
    return "";
  }

  std::unique_ptr<Backend> load(TransformerWeights& weights) const {
    auto backend = create_backend(options_of(variant_, 2));
    backend->load(weights, kLimits);
    return backend;
  }

  void expect_bits(const std::string& case_name, const std::vector<float>& logits) const {
    const std::string key = fmt::format("{} {} {}", model_, variant_.name(), case_name);
    const std::string found = fmt::format("{:a} {:a}", logits[0], logits[1]);
    const auto expected = expected_.find(key);
    EXPECT_EQ(expected == expected_.end() ? "nothing" : expected->second, found) << key << " " << found;
  }

  void run_model() const {
    const bool is_demo = model_ == "demo";
    const std::shared_ptr<Checkpoint> checkpoint =
        open_model(is_demo ? (test_source_directory() / "models/demo").string() : "synth:" + model_);
    const AnswerIds answers = is_demo ? AnswerIds{.no = 559, .yes = 583} : AnswerIds{.no = 2152, .yes = 9693};
    const auto model = create_model(checkpoint, answers, 400);
    const auto backend = load(model->weights());
    const std::vector<GoldenCase> cases = GoldenFile::read(is_demo ? "demo" : "nano").cases_with_ids();
    for (const std::size_t i : cases_of_models().at(model_)) {
      backend->begin(alone(cases.at(i).ids));
      model->forward(*backend);
      std::vector<float> logits(2);
      backend->finish(logits);
      expect_bits(std::to_string(i), logits);
    }
  }

  // Weights in memory: float32 and float16 checkpoints have panels of their own.
  void run_random(DataType type) const {
    const TransformerSpec spec{.hidden = 96,
                               .ffn = 200,
                               .num_layers = variant_.quantization == "none" ? 2 : 4,
                               .num_heads = 6,
                               .num_kv_heads = 2,
                               .head_dim = 64,
                               .vocab = 50,
                               .max_positions = 400,
                               .norm_eps = 1e-6f,
                               .rotations = {rotary_frequencies(64, 1e6)},
                               .qk_norm = true};
    RandomDecoder weights(spec, type, 29);
    const auto backend = load(weights);
    for (const std::int32_t num_tokens : {1, 65, 300}) {
      Ids ids;
      for (std::int32_t i = 0; i < num_tokens; ++i) ids.push_back(i * 7 % 50);
      expect_bits(std::to_string(num_tokens), run_decoder(*backend, spec, alone(ids)));
    }
  }
};

TEST_P(ScoreBitsTest, AreWhatTheyWere) {
  if (model_ == "0.6B" && std::getenv("RERANK_TEST_LARGE") == nullptr)
    GTEST_SKIP() << "takes minutes: set RERANK_TEST_LARGE=1 to run it";
  if (kUnderSanitizer && variant_.device == "reference") GTEST_SKIP() << "minutes under a sanitizer";
  if (const std::string why = why_other_bits(); !why.empty()) GTEST_SKIP() << why;
  try {
    if (model_.starts_with("random")) {
      run_random(model_ == "random_float32" ? DataType::kFloat32 : DataType::kFloat16);
    } else {
      run_model();
    }
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kUnsupported) throw;
    GTEST_SKIP() << error.what();
  }
}

std::string name_of(const testing::TestParamInfo<ScoreBitsTest::ParamType>& test) {
  std::string name = std::get<0>(test.param) + "_" + std::get<1>(test.param).name();
  std::ranges::replace(name, '.', 'p');
  return name;
}

INSTANTIATE_TEST_SUITE_P(All, ScoreBitsTest,
                         testing::Combine(testing::Values("nano", "odd", "demo", "random_float32",
                                                          "random_float16", "0.6B"),
                                          testing::ValuesIn(cpu_variants())),
                         name_of);
// Odd has two layers, of which none is quantized.
INSTANTIATE_TEST_SUITE_P(Quantized, ScoreBitsTest,
                         testing::Combine(testing::Values("nano", "demo", "random_float32", "random_float16",
                                                          "0.6B"),
                                          testing::ValuesIn(cpu_int8_variants())),
                         name_of);

}  // namespace
}  // namespace rerank
