// How a directory declares a reranker: each published form, and what is rejected.
#include "model/declaration.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "checkpoint/huggingface_directory.h"
#include "checkpoint/safetensors_header.h"
#include "checkpoint/scratch_directory.h"
#include "prompt/prompt_text.h"
#include "tests/support/error_of.h"

namespace rerank {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr const char* kTemplate =
    R"({%- set q = (messages | selectattr("role", "eq", "query") | first).content %})"
    R"({%- set d = (messages | selectattr("role", "eq", "document") | first).content %})"
    "<|im_start|>system\n{{ q }}<|im_end|>\n<|im_start|>user\n{{ d }}<|im_end|>\n<|im_start|>assistant\n"
    R"({{- '\n' }})";

std::string config(std::string_view architecture, int vocab, std::string_view more = "") {
  return fmt::format(R"({{"architectures": ["{}"], "hidden_size": 8, "intermediate_size": 12,
    "num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 1, "head_dim": 4, "vocab_size": {},
    "max_position_embeddings": 64, "rms_norm_eps": 1e-6, "rope_theta": 10000{}}})",
                     architecture, vocab, more);
}

std::string modules(std::initializer_list<std::string_view> types) {
  std::string list = R"([{"path": "", "type": "sentence_transformers.models.Transformer"})";
  for (const std::string_view type : types) {
    list += fmt::format(R"(, {{"path": "1_{0}", "type": "sentence_transformers.x.{0}"}})", type);
  }
  return list + "]";
}

// A directory with these files, read as a reranker. It has no weights.
class DeclarationTest : public testing::Test {
 protected:
  DeclarationTest() { scratch_.write("model.safetensors", make_safetensors_header({})); }

  void write(const std::string& file, const std::string& text) {
    const std::filesystem::path path = scratch_.path() / file;
    std::filesystem::create_directories(path.parent_path());
    scratch_.write(file, text);
  }
  void write_logit_score(const std::string& yes, const std::string& no, const std::string& activation) {
    write("config.json", config("Qwen3ForCausalLM", 151936));
    write("modules.json", modules({"LogitScore"}));
    write("1_LogitScore/config.json",
          fmt::format(R"({{"true_token_id": {}, "false_token_id": {}}})", yes, no));
    write("config_sentence_transformers.json",
          fmt::format(R"({{"activation_fn": "torch.nn.modules.{}", "default_prompt_name": null}})",
                      activation));
    write("chat_template.jinja", kTemplate);
  }
  Declaration read(const PromptChoice& choice = {}, const std::string& name = "org/model") const {
    const HuggingFaceDirectory directory(scratch_.path(), name);
    const JsonFile reader(directory.config_json(), "config.json");
    return find_declaration(directory, reader, find_family(reader), choice);
  }
  std::string refusal(const PromptChoice& choice = {}) const {
    return error_of([&] { read(choice); });
  }

 private:
  ScratchDirectory scratch_;
};

std::string text_of(const Prompt& prompt) {
  std::string text;
  for (const PromptPiece& piece : prompt.pieces) text += print_prompt_text(piece.texts);
  return text;
}

TEST_F(DeclarationTest, LogitScore) {
  write_logit_score("16", "15", "activation.Sigmoid");
  write("config_sentence_transformers.json",
        R"({"prompts": {"query": "Find it"}, "default_prompt_name": "query"})");
  write("chat_template.jinja",
        std::string(R"({%- set task = (messages | selectattr("role", "eq", "system") | first).content %})") +
            kTemplate + "{{ task }}");
  const DeclaredPrompt declared = read().declared;
  EXPECT_EQ(declared.answers.yes.id, 16);
  EXPECT_EQ(declared.answers.no.id, 15);
  EXPECT_EQ(declared.score, ScoreFunction{});
  EXPECT_EQ(declared.prompt.default_instruction, "Find it");
  EXPECT_EQ(text_of(declared.prompt),
            "<|im_start|>system\n{query}<|im_end|>\n<|im_start|>user\n{document}<|im_end|>\n"
            "<|im_start|>assistant\n{instruction}");
}

// The score on zerank's model card cannot be expressed as an activation.
TEST_F(DeclarationTest, ZerankIsKnownByPromptAndAnswer) {
  write_logit_score("9454", "null", "linear.Identity");
  EXPECT_EQ(read().declared.score, (ScoreFunction{.sigmoid = true, .shift = 0, .scale = 5}));
  EXPECT_FALSE(read().declared.answers.no.is_given());
  write_logit_score("9455", "null", "linear.Identity");
  EXPECT_EQ(read().declared.score, ScoreFunction{.sigmoid = false});
}

TEST_F(DeclarationTest, RefusesModulesThatAreNotComputed) {
  write("config.json", config("Qwen3ForCausalLM", 151669));
  write("modules.json", modules({"Pooling", "Normalize"}));
  EXPECT_THAT(refusal(), AllOf(HasSubstr("Pooling"), HasSubstr("makes embeddings")));
  write("modules.json", modules({"Dense"}));
  EXPECT_THAT(refusal(), AllOf(HasSubstr("Dense"), HasSubstr("does not compute")));
  write("modules.json", modules({}));
  EXPECT_THAT(refusal(), HasSubstr("no LogitScore"));
  write("modules.json", "{}");
  EXPECT_THAT(refusal(), HasSubstr("should be a list"));
}

TEST_F(DeclarationTest, RefusesWhatLogitScoreDoesNotSay) {
  write_logit_score("16", "15", "activation.Tanh");
  EXPECT_THAT(refusal(), AllOf(HasSubstr("activation_fn"), HasSubstr("Tanh")));
  write_logit_score("null", "15", "activation.Sigmoid");
  EXPECT_THAT(refusal(), HasSubstr("true_token_id"));
  write_logit_score("-1", "15", "activation.Sigmoid");
  EXPECT_THAT(refusal(), HasSubstr("true_token_id"));
}

TEST_F(DeclarationTest, RefusesLogitScoreWithoutATemplate) {
  write("config.json", config("Qwen3ForCausalLM", 151669));
  write("modules.json", modules({"LogitScore"}));
  EXPECT_THAT(refusal(), HasSubstr("no chat template"));
}

// A chat model and a reranker can have the same files.
TEST_F(DeclarationTest, RefusesALanguageModelThatDeclaresNothing) {
  for (const char* architecture : {"Qwen3ForCausalLM", "Qwen2ForCausalLM", "GemmaForCausalLM"}) {
    write("config.json", config(architecture, 151936));
    EXPECT_THAT(refusal(), HasSubstr("nothing in its directory declares"));
    EXPECT_EQ(read({.prompt = "ctxl-rerank-v2"}).declared.answers.yes.id, 0);
  }
}

TEST_F(DeclarationTest, KnowsPublishedRepositoriesByName) {
  write("config.json", config("Qwen3ForCausalLM", 151936));
  EXPECT_EQ(read({}, "ContextualAI/ctxl-rerank-v2-instruct-multilingual-1b").declared.answers.yes.id, 0);
  EXPECT_EQ(read({}, "tencent/R3-rerank-0.6b").declared.prompt.default_instruction,
            "Given a user request, retrieve the agent skill that solves it.");
  EXPECT_FALSE(read({}, "nlpai-lab/KURE-Reranker-base").declared.score.sigmoid);
  EXPECT_EQ(read({}, "Qwen/Qwen3-Reranker-8B").declared.answers.yes.word, "yes");
  write("config.json", config("Qwen2ForCausalLM", 151936));
  EXPECT_EQ(read({}, "mixedbread-ai/mxbai-rerank-large-v2").declared.score.shift, 6.0f);
  write("config.json", config("GemmaForCausalLM", 256000));
  EXPECT_FALSE(read({}, "BAAI/bge-reranker-v2-gemma").declared.score.sigmoid);
}

// The size of its vocabulary tells it from a chat model.
TEST_F(DeclarationTest, TheRerankersVocabularyIsEnough) {
  write("config.json", config("Qwen3ForCausalLM", 151669));
  const Declaration declaration = read();
  EXPECT_EQ(declaration.declared.answers.no.word, "no");
  EXPECT_THAT(declaration.source, HasSubstr("qwen3-reranker"));
  EXPECT_NE(text_of(read({.suffix = "vllm"}).declared.prompt), text_of(declaration.declared.prompt));
  EXPECT_THAT(refusal({.suffix = "none"}), HasSubstr("no suffix \"none\""));
}

TEST_F(DeclarationTest, AClassificationHeadsActivation) {
  write("config.json", config("Qwen3ForSequenceClassification", 151936));
  EXPECT_EQ(read().declared.score, ScoreFunction{});
  EXPECT_FALSE(read().declared.answers.yes.is_given());
  const std::string identity =
      R"(, "sentence_transformers": {"activation_fn": "torch.nn.modules.linear.Identity"})";
  write("config.json", config("Qwen3ForSequenceClassification", 151936, identity));
  EXPECT_EQ(read().declared.score, ScoreFunction{.sigmoid = false});
}

std::string bert_config(std::string_view more = "") {
  return fmt::format(R"({{"architectures": ["BertForSequenceClassification"], "hidden_act": "gelu",
    "hidden_size": 8, "intermediate_size": 12, "num_hidden_layers": 1, "num_attention_heads": 2,
    "vocab_size": 50, "max_position_embeddings": 64, "layer_norm_eps": 1e-12, "type_vocab_size": 2{}}})",
                     more);
}

// In this order: config_sentence_transformers.json, the current key of config.json, the old one; then
// sigmoid.
TEST_F(DeclarationTest, AnEncodersActivation) {
  constexpr const char* kOld =
      R"(, "sbert_ce_default_activation_function": "torch.nn.modules.linear.Identity")";
  write("config.json", bert_config());
  EXPECT_EQ(read().declared.score, ScoreFunction{});
  EXPECT_EQ(read().source, "pair: sentence-transformers' CrossEncoder");
  EXPECT_TRUE(read().declared.prompt.pair.has_value());
  EXPECT_TRUE(read().declared.prompt.pair->text.empty());
  write("config.json", bert_config(kOld));
  EXPECT_EQ(read().declared.score, ScoreFunction{.sigmoid = false});
  EXPECT_EQ(read().source, "pair: sentence-transformers' CrossEncoder; its files declare the activation");
  write(
      "config.json",
      bert_config(std::string(kOld) +
                  R"(, "sentence_transformers": {"activation_fn": "torch.nn.modules.activation.Sigmoid"})"));
  EXPECT_EQ(read().declared.score, ScoreFunction{});
  write("config_sentence_transformers.json", R"({"activation_fn": "torch.nn.modules.linear.Identity"})");
  EXPECT_EQ(read().declared.score, ScoreFunction{.sigmoid = false});
}

TEST_F(DeclarationTest, AnEncodersLimitIsTheTokenizers) {
  write("config.json", bert_config());
  EXPECT_EQ(read().declared.prompt.default_text_limit, 0);
  write("tokenizer_config.json", R"({"model_max_length": 1000000000000000019884624838656})");
  EXPECT_EQ(read().declared.prompt.default_text_limit, 0);
  write("tokenizer_config.json", R"({"model_max_length": 48})");
  EXPECT_EQ(read().declared.prompt.default_text_limit, 48);
  write("sentence_bert_config.json", R"({"max_seq_length": 32})");
  EXPECT_EQ(read().declared.prompt.default_text_limit, 32);
}

TEST_F(DeclarationTest, PromptsAreForOneKindOfModel) {
  write("config.json", bert_config());
  EXPECT_THAT(
      refusal({.prompt = "qwen3-reranker"}),
      AllOf(HasSubstr("BertForSequenceClassification is an encoder"), HasSubstr("leave the prompt out")));
  EXPECT_EQ(read({.prompt = "llama-nemotron-rerank"}).declared.prompt.pair->text.size(), 2u);
  write("config.json", config("Qwen3ForCausalLM", 151669));
  EXPECT_THAT(refusal({.prompt = "llama-nemotron-rerank"}),
              AllOf(HasSubstr("for encoders"), HasSubstr("is a language model")));
}

TEST_F(DeclarationTest, APromptFileDecides) {
  write_logit_score("16", "15", "activation.Sigmoid");
  write("rerank_prompt.json", R"({"prompt": "Q: {query} D: {document}", "answers": {"yes": "a", "no": 7}})");
  EXPECT_EQ(read().declared.answers.yes.word, "a");
  EXPECT_EQ(read().declared.answers.no.id, 7);
  EXPECT_THAT(read().source, HasSubstr("rerank_prompt.json"));
  write("rerank_prompt.json", R"({"prompt": "qwen3-reranker"})");
  EXPECT_EQ(read().declared.answers.yes.word, "yes");
  EXPECT_EQ(read({.suffix = "vllm"}).declared.prompt.name, "qwen3-reranker-vllm");
  EXPECT_EQ(read({.prompt = "zerank"}).declared.score.scale, 5);
  EXPECT_THAT(refusal({.prompt = "nothing"}), AllOf(HasSubstr("prompt nothing"), HasSubstr("zerank")));
}

}  // namespace
}  // namespace rerank
