// config.json of each encoder family: how keys are interpreted, in old and new spellings, and which are
// rejected.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "model/families.h"
#include "rerank/error.h"
#include "tests/support/error_of.h"

namespace rerank {
namespace {

namespace json = boost::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::SizeIs;
using Activation = HeadStep::Activation;

constexpr const char* kBertConfig =
    R"({"architectures": ["BertForSequenceClassification"], "model_type": "bert",
  "hidden_act": "gelu", "hidden_size": 64, "intermediate_size": 160, "layer_norm_eps": 1e-12,
  "max_position_embeddings": 512, "num_attention_heads": 2, "num_hidden_layers": 3, "pad_token_id": 0,
  "id2label": {"0": "LABEL_0"}, "type_vocab_size": 2, "vocab_size": 100})";

constexpr const char* kModernConfig = R"({"architectures": ["ModernBertForSequenceClassification"],
  "model_type": "modernbert", "hidden_size": 64, "intermediate_size": 96, "norm_eps": 1e-5,
  "max_position_embeddings": 8192, "num_attention_heads": 2, "num_hidden_layers": 4, "vocab_size": 100,
  "id2label": {"0": "LABEL_0"}, "local_attention": 33, "global_attn_every_n_layers": 3,
  "global_rope_theta": 160000.0, "local_rope_theta": 5000.0, "classifier_pooling": "mean"})";

constexpr const char* kGteConfig = R"({"architectures": ["NewForSequenceClassification"], "model_type": "new",
  "hidden_act": "gelu", "hidden_size": 64, "intermediate_size": 96, "layer_norm_eps": 1e-12,
  "layer_norm_type": "layer_norm", "logn_attention_scale": false, "max_position_embeddings": 8192,
  "num_attention_heads": 2, "num_hidden_layers": 2, "pack_qkv": true, "position_embedding_type": "rope",
  "rope_scaling": {"factor": 8.0, "type": "ntk"}, "rope_theta": 20000, "type_vocab_size": 1, "vocab_size": 100,
  "id2label": {"0": "LABEL_0"}})";

constexpr const char* kLlamaConfig = R"({"architectures": ["LlamaBidirectionalForSequenceClassification"],
  "model_type": "llama_bidirec", "head_dim": 64, "hidden_act": "silu", "hidden_size": 128,
  "intermediate_size": 160, "max_position_embeddings": 131072, "num_attention_heads": 2,
  "num_hidden_layers": 2, "num_key_value_heads": 1, "pooling": "avg", "rms_norm_eps": 1e-5,
  "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
  "original_max_position_embeddings": 8192, "rope_type": "llama3"}, "rope_theta": 500000.0,
  "temperature": 0.2, "vocab_size": 100, "id2label": {"0": "LABEL_0"}})";

ModelLayout parse(const std::string& text) {
  const JsonFile reader(text, "config.json");
  const FamilyMatch match = find_family(reader);
  return match.family->read_layout(reader, match.head);
}

// The config with some keys set, or removed if the value is empty.
std::string changed(const char* config, std::initializer_list<std::pair<const char*, const char*>> changes) {
  json::object object = json::parse(config).as_object();
  for (const auto& [key, value] : changes) {
    object.erase(key);
    if (*value != '\0') object[key] = json::parse(value);
  }
  return json::serialize(object);
}

const ModelTensor* find(const ModelLayout& layout, std::string_view name) {
  const auto found = std::find_if(layout.tensors.begin(), layout.tensors.end(),
                                  [&](const ModelTensor& tensor) { return tensor.name == name; });
  return found == layout.tensors.end() ? nullptr : &*found;
}

TEST(EncoderConfig, ReadsBert) {
  const ModelLayout layout = parse(kBertConfig);
  const TransformerSpec& spec = layout.spec;
  EXPECT_EQ(spec.norm, NormKind::kLayer);
  EXPECT_EQ(spec.norm_place, NormPlace::kBehind);
  EXPECT_EQ(spec.mask, Mask::kBidirectional);
  EXPECT_EQ(spec.pooling, Pooling::kFirst);
  EXPECT_EQ(spec.activation, MlpActivation::kGelu);
  EXPECT_EQ(spec.norm_eps, 1e-12f);
  EXPECT_EQ(spec.head_dim, 32);
  EXPECT_EQ(spec.num_kv_heads, 2);
  EXPECT_FALSE(spec.gated);
  EXPECT_FALSE(spec.has_final_norm);
  EXPECT_THAT(spec.rotations, SizeIs(0));
  EXPECT_EQ(spec.attention_of(1).rotation, kNoRotation);
  EXPECT_EQ(spec.num_position_rows, 512);
  EXPECT_EQ(spec.position_offset, 0);
  EXPECT_EQ(spec.position_pad_id, -1);
  EXPECT_EQ(spec.max_positions, 512);
  EXPECT_EQ(spec.num_token_types, 2);
  EXPECT_THAT(spec.head,
              ElementsAre(HeadStep{.outputs = 64, .has_bias = true, .activation = Activation::kTanh},
                          HeadStep{.outputs = 1, .has_bias = true}));
  EXPECT_EQ(parse(changed(kBertConfig, {{"hidden_act", "\"gelu_new\""}})).spec.activation,
            MlpActivation::kGeluTanh);
  ASSERT_NE(find(layout, "bert.encoder.layer.2.attention.output.LayerNorm.bias"), nullptr);
  EXPECT_EQ(find(parse(changed(kBertConfig, {{"architectures", R"(["BertModel"])"}})),
                 "embeddings.word_embeddings.weight")
                ->shape,
            (std::vector<std::int64_t>{100, 64}));
}

TEST(EncoderConfig, PositionsOfRobertaBeginBehindThePaddings) {
  const auto roberta = [](const char* pad, const char* positions) {
    return changed(kBertConfig, {{"architectures", R"(["XLMRobertaForSequenceClassification"])"},
                                 {"model_type", "\"xlm-roberta\""},
                                 {"pad_token_id", pad},
                                 {"max_position_embeddings", positions}});
  };
  const TransformerSpec spec = parse(roberta("1", "514")).spec;
  EXPECT_EQ(spec.num_position_rows, 514);
  EXPECT_EQ(spec.position_offset, 2);
  EXPECT_EQ(spec.position_pad_id, 1);
  EXPECT_EQ(spec.max_positions, 512);
  EXPECT_EQ(parse(roberta("", "514")).spec.position_offset, 2);
  EXPECT_EQ(parse(roberta("0", "514")).spec.max_positions, 513);
  EXPECT_THAT(error_of([&] { parse(roberta("1", "2")); }), HasSubstr("max_position_embeddings"));

  PackedBatch batch{.ids = {0, 5, 1, 5, 1, 1, 6}};
  std::vector<std::int32_t> rows(7);
  fill_position_rows(spec, batch, {.num_tokens = 7}, rows);
  EXPECT_THAT(rows, ElementsAre(2, 3, 1, 4, 1, 1, 5));
}

// The same layers under other names, recognized by the configuration's class.
TEST(EncoderConfig, NamesOfTheFlashImplementation) {
  const ModelLayout layout = parse(changed(
      kBertConfig,
      {{"architectures", R"(["XLMRobertaForSequenceClassification"])"},
       {"model_type", ""},
       {"type_vocab_size", "1"},
       {"auto_map", R"({"AutoConfig": "org/name--configuration_xlm_roberta.XLMRobertaFlashConfig"})"}}));
  const ModelTensor* qkv = find(layout, "roberta.encoder.layers.2.mixer.Wqkv.bias");
  ASSERT_NE(qkv, nullptr);
  EXPECT_EQ(qkv->shape, (std::vector<std::int64_t>{192}));
  EXPECT_EQ(qkv->parts[1].role, TensorRole::kKeyBias);
  EXPECT_NE(find(layout, "roberta.emb_ln.weight"), nullptr);
  EXPECT_NE(find(layout, "classifier.out_proj.weight"), nullptr);
  EXPECT_EQ(find(layout, "roberta.embeddings.LayerNorm.weight"), nullptr);
}

TEST(EncoderConfig, ReadsModernBertInBothSpellings) {
  const TransformerSpec old = parse(kModernConfig).spec;
  const TransformerSpec fresh =
      parse(changed(kModernConfig, {{"global_attn_every_n_layers", ""},
                                    {"global_rope_theta", ""},
                                    {"local_rope_theta", ""},
                                    {"layer_types", R"(["full_attention", "sliding_attention",
                                      "sliding_attention", "full_attention"])"},
                                    {"rope_parameters", R"({"full_attention": {"rope_theta": 160000.0,
                                      "rope_type": "default"}, "sliding_attention": {"rope_theta": 5000.0,
                                      "rope_type": "default"}})"}}))
          .spec;
  for (const TransformerSpec& spec : {old, fresh}) {
    EXPECT_THAT(spec.rotations, ElementsAre(rotary_frequencies(32, 160000), rotary_frequencies(32, 5000)));
    std::vector<std::int32_t> windows, rotations;
    for (std::int32_t layer = 0; layer < 4; ++layer) {
      windows.push_back(spec.attention_of(layer).window);
      rotations.push_back(spec.attention_of(layer).rotation);
      EXPECT_EQ(spec.attention_of(layer).has_norm, layer > 0);
    }
    EXPECT_THAT(windows, ElementsAre(0, 16, 16, 0));
    EXPECT_THAT(rotations, ElementsAre(0, 1, 1, 0));
    EXPECT_EQ(spec.pooling, Pooling::kMean);
    EXPECT_EQ(spec.norm_place, NormPlace::kBefore);
    EXPECT_TRUE(spec.gated && spec.has_final_norm && spec.embedding_norm);
    EXPECT_FALSE(spec.norm_bias || spec.qkv_bias || spec.output_bias || spec.gate_bias || spec.down_bias);
    EXPECT_THAT(spec.head, SizeIs(3));
  }
  // Defaults: every third layer attends to all tokens, the others to 64 on each side; the first token is
  // pooled.
  const TransformerSpec bare = parse(changed(kModernConfig, {{"global_attn_every_n_layers", ""},
                                                             {"global_rope_theta", ""},
                                                             {"local_rope_theta", ""},
                                                             {"local_attention", ""},
                                                             {"classifier_pooling", ""}}))
                                   .spec;
  EXPECT_EQ(bare.attention_of(1).window, 64);
  EXPECT_EQ(bare.attention_of(3).window, 0);
  EXPECT_THAT(bare.rotations, ElementsAre(rotary_frequencies(32, 160000), rotary_frequencies(32, 10000)));
  EXPECT_EQ(bare.pooling, Pooling::kFirst);
}

TEST(EncoderConfig, BiasesOfModernBertAreOptional) {
  const ModelLayout layout = parse(changed(kModernConfig, {{"norm_bias", "true"},
                                                           {"attention_bias", "true"},
                                                           {"mlp_bias", "true"},
                                                           {"classifier_bias", "true"}}));
  const TransformerSpec& spec = layout.spec;
  EXPECT_TRUE(spec.norm_bias && spec.qkv_bias && spec.output_bias && spec.gate_bias && spec.down_bias);
  EXPECT_TRUE(spec.head[0].has_bias && spec.head[1].has_bias);
  EXPECT_EQ(find(layout, "model.layers.1.attn.Wqkv.bias")->parts.size(), 3u);
  EXPECT_EQ(find(layout, "model.layers.0.attn_norm.weight"), nullptr);
  EXPECT_EQ(find(parse(kModernConfig), "head.dense.bias"), nullptr);
  EXPECT_NE(find(parse(kModernConfig), "classifier.bias"), nullptr);
}

TEST(EncoderConfig, ReadsGteAndTellsItFromOthersOfItsName) {
  const ModelLayout layout = parse(kGteConfig);
  const TransformerSpec& spec = layout.spec;
  EXPECT_EQ(spec.norm_place, NormPlace::kBehind);
  EXPECT_EQ(spec.activation, MlpActivation::kGelu);
  EXPECT_EQ(spec.norm_eps, 1e-12f);
  EXPECT_TRUE(spec.gated && spec.down_bias && !spec.gate_bias);
  ASSERT_THAT(spec.rotations, SizeIs(1));
  EXPECT_FLOAT_EQ(spec.rotations[0][0], std::pow(8.0f, -2.0f / 32));
  EXPECT_FLOAT_EQ(spec.rotations[0][4], std::pow(160000.0f, -8.0f / 32) * std::pow(8.0f, -2.0f / 32));
  EXPECT_THAT(parse(changed(kGteConfig, {{"rope_scaling", "null"}})).spec.rotations,
              ElementsAre(rotary_frequencies(32, 20000)));
  EXPECT_EQ(parse(changed(kGteConfig, {{"type_vocab_size", "0"}})).spec.num_token_types, 0);
  const ModelTensor* gate = find(layout, "new.encoder.layer.1.mlp.up_gate_proj.weight");
  ASSERT_NE(gate, nullptr);
  EXPECT_EQ(gate->parts[0].role, TensorRole::kUp);
  EXPECT_EQ(gate->parts[1].role, TensorRole::kGate);
  for (const char* key : {"pack_qkv", "position_embedding_type", "layer_norm_type"}) {
    EXPECT_THAT(error_of([&] {
                  parse(changed(kGteConfig, {{key, ""}}));
                }),
                AllOf(HasSubstr(key), HasSubstr("Alibaba-NLP/new-impl")));
  }
}

TEST(EncoderConfig, ReadsLlamaWithAttentionBothWays) {
  const TransformerSpec spec = parse(kLlamaConfig).spec;
  EXPECT_EQ(spec.mask, Mask::kBidirectional);
  EXPECT_EQ(spec.pooling, Pooling::kMean);
  EXPECT_EQ(spec.norm, NormKind::kRms);
  EXPECT_THAT(spec.head, ElementsAre(HeadStep{.outputs = 1, .divisor = 0.2f}));
  // Wavelengths below 2,048 positions stay, those above 8,192 are scaled by 32, with a smooth transition
  // between.
  const std::vector<float> plain = rotary_frequencies(64, 500000);
  const std::vector<float>& scaled = spec.rotations.at(0);
  EXPECT_EQ(scaled[0], plain[0]);
  EXPECT_EQ(scaled[13], plain[13]);
  EXPECT_LT(scaled[16], plain[16]);
  EXPECT_GT(scaled[16], plain[16] / 32);
  EXPECT_EQ(scaled[31], plain[31] / 32);
  EXPECT_THAT(error_of([] {
                parse(changed(kLlamaConfig, {{"pooling", "\"last\""}}));
              }),
              HasSubstr("pooling"));
}

struct Refusal {
  const char* config;
  const char* key;
  const char* value;
  const char* says;
};

TEST(EncoderConfig, RefusesByKey) {
  for (const Refusal& refusal : std::vector<Refusal>{
           {kBertConfig, "id2label", R"({"0": "no", "1": "yes", "2": "maybe"})", "3 labels"},
           {kBertConfig, "num_labels", "2", "2 labels"},
           {kBertConfig, "id2label", "[]", "should be an object"},
           {kBertConfig, "hidden_act", R"("relu")", "relu"},
           {kBertConfig, "position_embedding_type", R"("relative_key")", "relative"},
           {kBertConfig, "is_decoder", "true", "not supported"},
           {kBertConfig, "type_vocab_size", "0", "from 1"},
           {kBertConfig, "layer_norm_eps", "", "lacks the key"},
           {kBertConfig, "num_attention_heads", "3", "must divide hidden_size"},
           {kBertConfig, "model_type", R"("roberta")", "goes with bert"},
           {kBertConfig, "quantization_config", R"({"quant_method": "gptq"})", "bfloat16 original"},
           {kModernConfig, "classifier_pooling", R"("max")", "mean"},
           {kModernConfig, "classifier_activation", R"("silu")", "silu"},
           {kModernConfig, "layer_types", R"(["full_attention"])", "each of 4 layers"},
           {kModernConfig, "layer_types",
            R"(["full_attention", "full_attention", "full_attention", "linear"])", "linear"},
           {kModernConfig, "local_attention", "1", "from 2"},
           {kModernConfig, "rope_scaling", R"({"rope_type": "yarn"})", "rope scaling"},
           {kModernConfig, "id2label", R"({"0": "a", "1": "b"})", "2 labels"},
           {kGteConfig, "pack_qkv", "false", "false"},
           {kGteConfig, "logn_attention_scale", "true", "not supported"},
           {kGteConfig, "rope_scaling", R"({"type": "linear", "factor": 2.0})", "rope scaling"},
           {kGteConfig, "id2label", R"({"0": "a", "1": "b"})", "2 labels"},
           {kLlamaConfig, "hidden_act", R"("gelu")", "silu"},
           {kLlamaConfig, "attention_bias", "true", "not supported"},
           {kLlamaConfig, "rope_scaling", R"({"rope_type": "yarn", "factor": 2.0})", "rope scaling"},
           {kLlamaConfig, "temperature", "0", "above 0"},
           {kLlamaConfig, "id2label", R"({"0": "a", "1": "b"})", "2 labels"}}) {
    const std::string config = changed(refusal.config, {{refusal.key, refusal.value}});
    EXPECT_THAT(error_of([&] { parse(config); }), AllOf(HasSubstr("config.json"), HasSubstr(refusal.says)))
        << refusal.key << " " << refusal.value;
  }
}

}  // namespace
}  // namespace rerank
