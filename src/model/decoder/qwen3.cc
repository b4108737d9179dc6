// Qwen3 (Hugging Face Qwen3ForCausalLM and Qwen3ForSequenceClassification), and the rerankers based on it.
#include <array>
#include <utility>

#include "model/decoder/decoder_layout.h"
#include "model/decoder/decoders.h"

namespace rerank {
namespace {

// The published vocabulary of Qwen3-Reranker; chat models of the family have 151936 tokens.
constexpr std::int32_t kRerankerVocab = 151669;

constexpr const char* kEnd = "<|im_end|>\n<|im_start|>assistant\n";

ModelLayout read_layout(const JsonView& config, HeadKind head) {
  require_one_of(config, "hidden_act", {"silu"});
  // The default of Qwen3Config in Transformers.
  DecoderConfig read = read_decoder_config(config, {.head_dim = 128, .tied_embeddings = false});
  read.spec.qk_norm = true;
  return decoder_layout(std::move(read), head);
}

// The prompt on the model card of Qwen/Qwen3-Reranker-0.6B.
Prompt qwen3_prompt(const char* instruction, const std::string& suffix) {
  return {
      .pieces = {{.texts = {{"<|im_start|>system\nJudge whether the Document meets the requirements based "
                             "on the Query and the Instruct provided. Note that the answer can only be "
                             "\"yes\" or \"no\".<|im_end|>\n<|im_start|>user\n<Instruct>: ",
                             PromptField::kInstruction},
                            {"\n<Query>:"}}},
                 {.texts = {{" ", PromptField::kQuery}, {"\n<Document>:"}}},
                 {.texts = {{" ", PromptField::kDocument}}},
                 {.texts = {{suffix}}}},
      .default_instruction = instruction};
}

DeclaredPrompt yes_or_no(const char* instruction, const std::string& suffix) {
  return {.prompt = qwen3_prompt(instruction, suffix),
          .answers = {.yes = {.word = "yes"}, .no = {.word = "no"}},
          .score = {}};
}

constexpr const char* kWebSearch =
    "Given a web search query, retrieve relevant passages that answer the query";

DeclaredPrompt qwen3_reranker() {
  return yes_or_no(kWebSearch, std::string(kEnd) + "<think>\n\n</think>\n\n");
}

// As rendered by the template that vLLM publishes for it, with one newline less.
DeclaredPrompt qwen3_reranker_vllm() {
  return yes_or_no(kWebSearch, std::string(kEnd) + "<think>\n\n</think>\n");
}

DeclaredPrompt r3_rerank() {
  return yes_or_no("Given a user request, retrieve the agent skill that solves it.",
                   std::string(kEnd) + "<think>\n\n</think>\n\n");
}

// nlpai-lab/KURE trains and evaluates it with the prompt of Qwen3-Reranker and uses the raw logit.
DeclaredPrompt kure_reranker() {
  DeclaredPrompt declared = qwen3_reranker();
  declared.score = {.sigmoid = false};
  return declared;
}

DeclaredPrompt zerank() {
  return {.prompt = {.pieces = {{.texts = {{"<|im_start|>system"}}},
                                {.texts = {{"\n", PromptField::kQuery}, {"<|im_end|>\n<|im_start|>user"}}},
                                {.texts = {{"\n", PromptField::kDocument}}},
                                {.texts = {{kEnd}}}}},
          .answers = {.yes = {.word = "Yes", .id = 9454}, .no = {}},
          .score = {.sigmoid = true, .shift = 0, .scale = 5}};
}

// The document comes first, so only the words before it are shared.
DeclaredPrompt ctxl_rerank() {
  return {.prompt = {.pieces = {{.texts = {{"Check whether a given document contains information helpful to "
                                            "answer the query.\n<Document>"}}},
                                {.texts = {{" ", PromptField::kDocument}, {"\n"}}},
                                {.texts = {{"<Query> ", PromptField::kQuery},
                                           {" ", PromptField::kInstruction, true},
                                           {" ??"}}}}},
          .answers = {.yes = {.word = "", .id = 0}, .no = {}},
          .score = {.sigmoid = false}};
}

constexpr std::array kRerankers = {
    PublishedReranker{"qwen3-reranker", "qwen3-reranker", qwen3_reranker, "the model card of Qwen3-Reranker"},
    PublishedReranker{"qwen3-reranker-vllm", "", qwen3_reranker_vllm,
                      "the template that vLLM publishes for Qwen3-Reranker"},
    PublishedReranker{"r3-rerank", "r3-rerank", r3_rerank, "the model card of tencent/R3-rerank-0.6b"},
    PublishedReranker{"kure-reranker", "kure-reranker-base", kure_reranker, "the code of nlpai-lab/KURE"},
    PublishedReranker{"zerank", "zerank-", zerank, "the model card of zeroentropy/zerank-2"},
    PublishedReranker{"ctxl-rerank-v2", "ctxl-rerank", ctxl_rerank,
                      "the model card of ContextualAI/ctxl-rerank-v2-instruct-multilingual"},
};

const PublishedReranker* undeclared(const JsonView& config, bool has_classification_head) {
  const bool is_reranker =
      has_classification_head || config.at("vocab_size").integer(1, INT32_MAX) == kRerankerVocab;
  return is_reranker ? &kRerankers[0] : nullptr;
}

}  // namespace

constinit const Family kQwen3{.name = "Qwen3",
                              .model_type = "qwen3",
                              .causal = "Qwen3ForCausalLM",
                              .classifier = "Qwen3ForSequenceClassification",
                              .plain = "",
                              .read_layout = read_layout,
                              .rerankers = kRerankers,
                              .undeclared = undeclared};

}  // namespace rerank
