// Heads of sentence-transformers modules on an encoder, and the directories that are rejected.
#include "model/module_head.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "model/reranker.h"
#include "model/synthetic/synthetic_checkpoint.h"
#include "tests/support/error_of.h"

namespace rerank {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

using Files = std::map<std::string, std::string>;

constexpr const char* kConfig = R"({"architectures": ["ModernBertModel"], "model_type": "modernbert",
  "hidden_size": 64, "intermediate_size": 96, "norm_eps": 1e-5, "max_position_embeddings": 256,
  "num_attention_heads": 2, "num_hidden_layers": 2, "vocab_size": 100})";

std::string modules(std::initializer_list<std::string_view> types) {
  std::string list = R"([{"path": "", "type": "sentence_transformers.base.modules.transformer.Transformer"})";
  int number = 0;
  for (const std::string_view type : types)
    list += fmt::format(R"(, {{"path": "{0}_{1}", "type": "sentence_transformers.x.{1}"}})", ++number, type);
  return list + "]";
}

std::string dense(int inputs, int outputs, std::string_view activation, bool bias) {
  return fmt::format(
      R"({{"in_features": {}, "out_features": {}, "bias": {}, "activation_function": "torch.nn.modules.{}"}})",
      inputs, outputs, bias, activation);
}

Files ettin() {
  return {{"modules.json", modules({"Pooling", "Dense", "LayerNorm", "Dense"})},
          {"1_Pooling/config.json", R"({"embedding_dimension": 64, "pooling_mode": "cls"})"},
          {"2_Dense/config.json", dense(64, 64, "activation.GELU", false)},
          {"3_LayerNorm/config.json", R"({"dimension": 64})"},
          {"4_Dense/config.json", dense(64, 1, "linear.Identity", true)},
          {"config_sentence_transformers.json", R"({"activation_fn": "torch.nn.modules.linear.Identity"})"},
          {"tokenizer_config.json", R"({"model_max_length": 200})"}};
}

Reranker read(const Files& files, const std::string& config = kConfig) {
  return read_reranker(SyntheticCheckpoint({.config_json = config, .size_name = "m", .files = files}));
}

std::string refusal(const char* file, const std::string& text) {
  Files files = ettin();
  files[file] = text;
  return error_of([&] { read(files); });
}

TEST(ModuleHead, IsReadFromTheFolders) {
  const Reranker reranker = read(ettin());
  EXPECT_THAT(reranker.spec.head,
              ElementsAre(HeadStep{.outputs = 64, .activation = HeadStep::Activation::kGelu},
                          HeadStep{.kind = HeadStep::Kind::kLayerNorm, .has_bias = true, .eps = 1e-5f},
                          HeadStep{.outputs = 1, .has_bias = true}));
  EXPECT_EQ(reranker.spec.pooling, Pooling::kFirst);
  EXPECT_EQ(reranker.head(), "4_Dense/linear.weight");
  EXPECT_EQ(reranker.declared.score, ScoreFunction{.sigmoid = false});
  EXPECT_TRUE(reranker.declared.prompt.pair.has_value());
  EXPECT_EQ(reranker.declared.prompt.default_text_limit, 200);
}

TEST(ModuleHead, PoolsAsBothVersionsSayIt) {
  Files files = ettin();
  files["1_Pooling/config.json"] = R"({"pooling_mode": "mean"})";
  EXPECT_EQ(read(files).spec.pooling, Pooling::kMean);
  files["1_Pooling/config.json"] = R"({"pooling_mode_cls_token": false, "pooling_mode_mean_tokens": true})";
  EXPECT_EQ(read(files).spec.pooling, Pooling::kMean);
  EXPECT_THAT(refusal("1_Pooling/config.json", R"({"pooling_mode": "max"})"), HasSubstr("max"));
  EXPECT_THAT(refusal("1_Pooling/config.json",
                      R"({"pooling_mode_cls_token": true, "pooling_mode_mean_tokens": true})"),
              HasSubstr("cls and mean"));
}

TEST(ModuleHead, RefusesWhatIsNoReranker) {
  EXPECT_THAT(error_of([] { read({}); }),
              AllOf(HasSubstr("ModernBertModel"), HasSubstr("without a classification head"),
                    HasSubstr("use a reranker")));
  EXPECT_THAT(refusal("modules.json", modules({"Pooling"})), HasSubstr("makes embeddings"));
  EXPECT_THAT(refusal("modules.json", modules({"Pooling", "Normalize"})),
              AllOf(HasSubstr("Normalize"), HasSubstr("makes embeddings")));
  EXPECT_THAT(refusal("modules.json", modules({"Pooling", "Dense"})), HasSubstr("64 numbers"));
  EXPECT_THAT(refusal("modules.json", modules({"Dense"})), HasSubstr("in its place"));
  EXPECT_THAT(refusal("modules.json", "[]"), HasSubstr("begin with a Transformer"));
}

TEST(ModuleHead, RefusesWhatItDoesNotCompute) {
  EXPECT_THAT(refusal("2_Dense/config.json", dense(64, 64, "activation.ReLU", false)), HasSubstr("ReLU"));
  EXPECT_THAT(refusal("2_Dense/config.json", dense(32, 64, "activation.GELU", false)),
              AllOf(HasSubstr("2_Dense/config.json"), HasSubstr("in_features"), HasSubstr("64")));
  EXPECT_THAT(refusal("3_LayerNorm/config.json", R"({"dimension": 32})"), HasSubstr("dimension"));
  EXPECT_THAT(refusal("config_sentence_transformers.json", R"({"activation_fn": "torch.nn.Softmax"})"),
              HasSubstr("Softmax"));
}

}  // namespace
}  // namespace rerank
