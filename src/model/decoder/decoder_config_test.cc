// config.json of decoders: every key that is read, and every value that is rejected with a message naming the
// key.
#include "model/decoder/decoder_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "model/families.h"
#include "model/synthetic/synthetic_checkpoint.h"
#include "tests/support/error_of.h"

namespace rerank {
namespace {

namespace json = boost::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

ModelLayout parse_config(const std::string& text, const std::string& name) {
  const JsonFile reader(text, name);
  const FamilyMatch match = find_family(reader);
  return match.family->read_layout(reader, match.head);
}

// Whether the head is tied to the embedding.
bool is_tied(const std::string& text) {
  const ModelLayout read = parse_config(text, "config.json");
  return std::none_of(read.tensors.begin(), read.tensors.end(),
                      [](const ModelTensor& tensor) { return tensor.role == TensorRole::kHead; });
}

// The nano config with one key set to `value`, or removed if `value` is empty.
std::string changed(std::string_view key, std::string_view value) {
  json::object config = json::parse(published_config("nano")).as_object();
  config.erase(key);
  if (!value.empty()) config[key] = json::parse(json::string_view(value.data(), value.size()));
  return json::serialize(config);
}

TEST(Config, ReadsThePublishedSizes) {
  const ModelLayout read = parse_config(published_config("8b"), "config.json");
  const TransformerSpec& large = read.spec;
  EXPECT_EQ(large.hidden, 4096);
  EXPECT_EQ(large.ffn, 12288);
  EXPECT_EQ(large.num_layers, 36);
  EXPECT_EQ(large.num_heads, 32);
  EXPECT_EQ(large.num_kv_heads, 8);
  EXPECT_EQ(large.head_dim, 128);
  EXPECT_EQ(large.vocab, 151669);
  EXPECT_EQ(large.max_positions, 40960);
  EXPECT_EQ(large.norm_eps, 1e-6f);
  EXPECT_THAT(large.rotations, ElementsAre(rotary_frequencies(128, 1e6)));
  EXPECT_FALSE(is_tied(published_config("8b")));
  EXPECT_TRUE(large.qk_norm);
  EXPECT_FALSE(large.qkv_bias);
  EXPECT_TRUE(is_tied(published_config("0.6B")));
  EXPECT_EQ(parse_config(published_config("4B"), "config.json").spec.hidden, 2560);
  EXPECT_EQ(parse_config(published_config("Odd"), "config.json").spec.num_kv_heads, 1);
  EXPECT_EQ(published_config("1.7B"), "");
  EXPECT_EQ(published_config(""), "");
}

TEST(Config, AcceptsWhatChangesNothing) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"architectures", R"(["Qwen3ForSequenceClassification"])"},
      {"rope_scaling", R"({"rope_type": "default"})"},
      {"rope_scaling", R"({"type": "default", "rope_theta": 1000000})"},
      {"rope_parameters", R"({"rope_type": "default", "rope_theta": 1000000.0})"},
      {"rope_parameters", R"({"rope_type": "default", "partial_rotary_factor": 1.0})"},
      {"sliding_window", "4096"},
      {"layer_types", R"(["full_attention", "full_attention", "full_attention"])"},
      {"use_sliding_window", ""},
      {"attention_bias", ""},
      {"hidden_act", ""},
      {"model_type", ""},
      {"quantization_config", "null"},
      {"is_causal", "true"},
  };
  for (const auto& pair : cases) {
    const std::string config = changed(pair.first, pair.second);
    EXPECT_EQ(error_of([&] { parse_config(config, "config.json"); }), "no error") << config;
  }
  EXPECT_EQ(parse_config(changed("head_dim", ""), "config.json").spec.head_dim, 128);
  EXPECT_FALSE(is_tied(changed("tie_word_embeddings", "")));
}

TEST(Config, ShowsOnlyWhatIsSafeToPrint) {
  const std::string esc = R"(["\u001b[31m\u007f)" + std::string(1000, 'x') + R"("])";
  const std::string message = error_of([&] { parse_config(changed("architectures", esc), "f"); });
  EXPECT_THAT(message, AllOf(HasSubstr("?[31m?xx"), Not(HasSubstr("\x1b"))));
  EXPECT_LT(message.size(), 600u);
}

TEST(Config, FindsRopeThetaWhereTransformers5PutsIt) {
  json::object config = json::parse(published_config("nano")).as_object();
  config.erase("rope_theta");
  config["rope_parameters"] = json::object{{"rope_type", "default"}, {"rope_theta", 12345.5}};
  EXPECT_THAT(parse_config(json::serialize(config), "config.json").spec.rotations,
              ElementsAre(rotary_frequencies(32, 12345.5)));
}

struct Refusal {
  const char* key;
  const char* value;  // JSON; empty: removed
  const char* says;   // in the message, in addition to the key
};

TEST(Config, RefusesByKey) {
  const std::vector<Refusal> cases = {
      {"architectures", R"(["BertForMaskedLM"])", "Qwen3ForSequenceClassification"},
      {"architectures", R"(["Qwen3ForTokenClassification"])", "not a reranker"},
      {"architectures", R"(["LlamaForCausalLM"])", "LlamaForCausalLM"},
      {"architectures", R"(["Qwen3Model"])", "Qwen3Model"},
      {"architectures", R"(["Qwen3ForCausalLM\u0000x"])", "not a reranker"},
      {"architectures", R"("Qwen3ForCausalLM")", "should be a list"},
      {"architectures", "[]", "names, not one"},
      {"architectures", "[1]", "should be a string"},
      {"architectures", "", "lacks the key"},
      {"model_type", R"("llama")", "qwen3"},
      {"hidden_size", "", "lacks the key"},
      {"hidden_size", "null", "lacks the key"},
      {"hidden_size", "0", "from 1"},
      {"hidden_size", "-64", "-64"},
      {"hidden_size", "64.5", "whole number"},
      {"hidden_size", "\"64\"", "whole number"},
      {"hidden_size", "1e3", "whole number"},
      {"hidden_size", "18446744073709551615", "whole number"},
      {"hidden_size", "99999999999999999999999", "whole number"},
      {"intermediate_size", "2000000000", "from 1 to"},
      {"num_hidden_layers", "1000000000", "from 1 to"},
      {"num_attention_heads", "3", "multiple of num_key_value_heads"},
      {"num_key_value_heads", "0", "from 1"},
      {"head_dim", "31", "even"},
      {"head_dim", "1", "from 2"},
      {"vocab_size", "4294967296", "from 1 to"},
      {"max_position_embeddings", "true", "whole number"},
      {"rms_norm_eps", "0", "above 0"},
      {"rms_norm_eps", "-1e-6", "above 0"},
      {"rms_norm_eps", "1e-300", "out of range"},
      {"rms_norm_eps", "5", "out of range"},
      {"rope_theta", "", "lacks the key"},
      {"rope_theta", "0", "above 0"},
      {"rope_theta", "\"1e6\"", "above 0"},
      {"rope_scaling", R"({"rope_type": "yarn", "factor": 4.0})", "rope scaling is not supported"},
      {"rope_scaling", R"({"type": "linear", "factor": 2.0})", "rope scaling is not supported"},
      {"rope_scaling", "[1]", "should be an object, not a list"},
      {"rope_parameters", R"({"rope_type": "dynamic", "rope_theta": 1000000})", "dynamic"},
      {"rope_parameters", R"({"rope_type": "default", "rope_theta": 500})", "elsewhere"},
      {"rope_parameters", R"({"partial_rotary_factor": 0.5})", "partial_rotary_factor"},
      {"rope_parameters", R"({"full_attention": {"rope_type": "default"}})", "full_attention"},
      {"use_sliding_window", "true", "not supported"},
      {"use_sliding_window", "1", "not supported"},
      {"layer_types", R"(["full_attention", "sliding_attention"])", "sliding_attention"},
      {"layer_types", "3", "should be a list"},
      {"attention_bias", "true", "not supported"},
      {"mlp_bias", "true", "not supported"},
      {"is_causal", "false", "causal"},
      {"hidden_act", R"("gelu")", "gelu"},
      {"quantization_config", R"({"quant_method": "gptq"})", "bfloat16 original"},
      {"tie_word_embeddings", "\"yes\"", "true or false"},
  };
  for (const Refusal& refusal : cases) {
    EXPECT_THAT(error_of([&] { parse_config(changed(refusal.key, refusal.value), "dir/config.json"); }),
                AllOf(StartsWith("dir/config.json: "), HasSubstr(refusal.key), HasSubstr(refusal.says)))
        << refusal.key << " " << refusal.value;
  }
}

TEST(Config, RefusesWhatIsNoJson) {
  const std::string good = published_config("nano");
  for (std::size_t length = 0; length + 2 < good.size(); ++length) {
    EXPECT_THAT(error_of([&] { parse_config(good.substr(0, length), "f"); }),
                StartsWith("f: not JSON at byte"));
  }
  EXPECT_THAT(error_of([&] { parse_config(good + "{}", "f"); }), HasSubstr("after the end"));
  EXPECT_THAT(error_of([&] { parse_config("[]", "f"); }),
              HasSubstr("should be an object, not a list; download"));
  EXPECT_THAT(error_of([&] { parse_config(R"({"a": 1, "b": {"c": 1, "c": 2}})", "f"); }),
              HasSubstr("\"c\" occurs twice"));
  EXPECT_THAT(error_of([&] { parse_config(R"({"": 1, "": 2})", "f"); }), HasSubstr("\"\" occurs twice"));
  EXPECT_THAT(error_of([&] { parse_config(R"({"ab": 1, "a\u0062": 2})", "f"); }),
              HasSubstr("\"ab\" occurs twice"));
  EXPECT_THAT(error_of([&] { parse_config(std::string(100000, '['), "f"); }), HasSubstr("not JSON"));
  EXPECT_THAT(error_of([&] { parse_config("{\"a\": \"\xff\"}", "f"); }), HasSubstr("not JSON"));
  EXPECT_THAT(error_of([&] { parse_config(R"({"a": NaN})", "f"); }), HasSubstr("not JSON"));
}

}  // namespace
}  // namespace rerank
