// The engine with an encoder: pairs have the same score bits alone and among others, whatever computes them,
// and limits are enforced.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <future>
#include <string>
#include <vector>

#include "checkpoint/scratch_directory.h"
#include "model/synthetic/write_synthetic.h"
#include "rerank/engine.h"
#include "rerank/error.h"
#include "tests/support/error_of.h"
#include "tests/support/pair_tokenizer.h"

namespace rerank {
namespace {

using testing::HasSubstr;

constexpr const char* kConfig = R"({"architectures": ["BertForSequenceClassification"], "model_type": "bert",
  "hidden_act": "gelu", "hidden_size": 64, "intermediate_size": 160, "layer_norm_eps": 1e-12,
  "max_position_embeddings": 200, "num_attention_heads": 2, "num_hidden_layers": 3, "pad_token_id": 0,
  "id2label": {"0": "LABEL_0"}, "type_vocab_size": 2, "vocab_size": 300,
  "sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity"})";

class EncoderEngineTest : public testing::Test {
 protected:
  EncoderEngineTest() {
    write_synthetic({.config_json = kConfig,
                     .recipe = {.std = 0.125},
                     .tokenizer_file =
                         scratch_.write("tokenizer.json", boost::json::serialize(pair_tokenizer_document())),
                     .directory = scratch_.path() / "model"},
                    nullptr);
  }
  EngineOptions options(const std::string& device = "cpu") const {
    EngineOptions options;
    options.model = (scratch_.path() / "model").string();
    options.device = device;
    options.dtype = "float32";
    options.num_threads = 2;
    options.use_weight_cache = false;
    return options;
  }
  // Documents of every length up to beyond the limit.
  static Request request(std::size_t num_documents) {
    Request request;
    request.query = "a query";
    for (std::size_t d = 0; d < num_documents; ++d) {
      request.documents.emplace_back(d * 97 % 230, static_cast<char>('a' + d % 26));
    }
    return request;
  }
  static std::vector<float> scores(const Result& result) {
    std::vector<float> scores;
    for (const DocumentScore& document : result.documents) scores.push_back(document.score);
    return scores;
  }

  ScratchDirectory scratch_;
};

TEST_F(EncoderEngineTest, SaysHow) {
  Engine engine(options());
  EXPECT_EQ(engine.info().max_model_len, 200);
  EXPECT_EQ(engine.info().prefix_cache_capacity, 0);
  EXPECT_EQ(engine.info().default_instruction, "");
  EXPECT_EQ(engine.info().score_function, "logit");
  EXPECT_TRUE(engine.info().declares_logits);
  const Result result = engine.score(request(5));
  EXPECT_EQ(result.num_cached_tokens, 0);
  EXPECT_EQ(result.documents[1].num_tokens, 7 + 97 + 3);
  EXPECT_EQ(result.documents[1].score, result.documents[1].logit_difference());
  EXPECT_NE(result.documents[1].score, result.documents[2].score);
  EXPECT_EQ(result.documents[0].num_tokens, 7 + 3);
  EXPECT_FALSE(result.documents[1].truncated);
  EXPECT_EQ(result.documents[2].num_tokens, 200);
  EXPECT_TRUE(result.documents[2].truncated);
}

TEST_F(EncoderEngineTest, AnActivationIsChosen) {
  EngineOptions sigmoid = options(), other = sigmoid;
  sigmoid.activation = "sigmoid";
  Engine engine(sigmoid);
  EXPECT_EQ(engine.info().score_function, "sigmoid(logit)");
  EXPECT_FALSE(engine.info().declares_logits);
  EXPECT_THAT(engine.info().score_source, HasSubstr("the activation was chosen"));
  const DocumentScore score = engine.score(request(1)).documents[0];
  EXPECT_FLOAT_EQ(score.score, 1 / (1 + std::exp(-score.logit_difference())));
  other.activation = "none";
  EXPECT_FALSE(Engine(other).info().declares_logits) << "the operator does";
  other.activation = "tanh";
  EXPECT_EQ(error_of([&] { Engine refused(other); }), "activation: tanh is not one of auto, none, sigmoid");
}

TEST_F(EncoderEngineTest, SameBitsAloneAndAmongOthers) {
  const Request all = request(40);
  std::vector<float> alone;
  {
    EngineOptions single = options();
    single.num_threads = 1;
    single.max_num_seqs = 1;
    Engine engine(single);
    for (const std::string& document : all.documents) {
      Request one = all;
      one.documents = {document};
      alone.push_back(engine.score(one).documents[0].score);
    }
  }
  for (const std::int32_t batched : {200, 333, 1000}) {
    EngineOptions several = options();
    several.max_num_batched_tokens = batched;
    several.data_parallel_size = batched == 333 ? 2 : 1;
    Engine engine(several);
    Request other = request(30);
    other.query = "another one";
    std::vector<std::future<Result>> running;
    for (int i = 0; i < 3; ++i) {
      running.push_back(engine.submit(all));
      running.push_back(engine.submit(other));
    }
    for (std::size_t i = 0; i < running.size(); i += 2) EXPECT_EQ(scores(running[i].get()), alone) << batched;
  }
}

TEST_F(EncoderEngineTest, AsTheReference) {
  const Request all = request(12);
  const std::vector<float> found = scores(Engine(options()).score(all)),
                           wanted = scores(Engine(options("reference")).score(all));
  for (std::size_t d = 0; d < wanted.size(); ++d) EXPECT_NEAR(found[d], wanted[d], 1e-4) << d;
}

TEST_F(EncoderEngineTest, Refuses) {
  EngineOptions small = options();
  small.max_num_batched_tokens = 199;
  EXPECT_THAT(
      error_of([&] { Engine engine(small); }),
      HasSubstr("max_num_batched_tokens: 199 is less than max_model_len, 200, and an encoder computes a "
                "pair in one batch"));
  small.max_model_len = 199;
  Engine engine(small);
  EXPECT_EQ(engine.info().max_num_batched_tokens, 199);
  Request asked = request(3);
  asked.instruction = "i";
  EXPECT_EQ(error_of([&] { engine.score(asked); }),
            "instruction: the model takes no instruction: leave it out");
  asked.instruction.clear();
  asked.truncate = false;
  EXPECT_THAT(error_of([&] { engine.score(asked); }), HasSubstr("documents[2]: with the prompt around it"));
}

}  // namespace
}  // namespace rerank
