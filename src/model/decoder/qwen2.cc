// Qwen2 (Hugging Face Qwen2ForCausalLM): biases on query, key and value projections, no norms on heads.
#include <array>
#include <utility>

#include "model/decoder/decoder_layout.h"
#include "model/decoder/decoders.h"

namespace rerank {
namespace {

ModelLayout read_layout(const JsonView& config, HeadKind head) {
  require_one_of(config, "hidden_act", {"silu"});
  DecoderConfig read = read_decoder_config(config, {});
  read.spec.qk_norm = false;
  read.spec.qkv_bias = true;
  return decoder_layout(std::move(read), head);
}

// mxbai-rerank 0.1.6 (mxbai_rerank_v2.py): the pieces are encoded separately, and the limit counts only
// query, document and one newline. Its normalized score is sigmoid(logit - shift).
DeclaredPrompt mxbai_rerank(float shift) {
  return {
      .prompt =
          {.pieces = {{.texts = {{"<|im_start|>system\nYou are Qwen, created by Alibaba Cloud. You are a "
                                  "helpful assistant.<|im_end|>\n<|im_start|>user\n"}},
                       .times_outside_limit = 1},
                      {.texts = {{"instruction: ", PromptField::kInstruction, true},
                                 {"\n", PromptField::kNone, true},
                                 {"query: ", PromptField::kQuery}}},
                      {.texts = {{"\n"}}},
                      {.texts = {{"document: ", PromptField::kDocument}}},
                      {.texts = {{"\n"}}, .times_outside_limit = 1},
                      {.texts = {{"You are a search relevance expert who evaluates how well documents "
                                  "match search queries. For each query-document pair, carefully analyze "
                                  "the semantic relationship between them, then provide your binary "
                                  "relevance judgment (0 for not relevant, 1 for relevant).\nRelevance:"}},
                       .times_outside_limit = 1},
                      {.texts = {{"<|im_end|>\n<|im_start|>assistant\n"}}, .times_outside_limit = 1}},
           .query_percent = 75},
      .answers = {.yes = {.word = "1"}, .no = {.word = "0"}},
      .score = {.sigmoid = true, .shift = shift, .scale = 1}};
}

DeclaredPrompt mxbai_base() {
  return mxbai_rerank(4.5f);
}

DeclaredPrompt mxbai_large() {
  return mxbai_rerank(6.0f);
}

constexpr std::array kRerankers = {
    PublishedReranker{"mxbai-rerank-base-v2", "mxbai-rerank-base-v2", mxbai_base, "mxbai-rerank 0.1.6"},
    PublishedReranker{"mxbai-rerank-large-v2", "mxbai-rerank-large-v2", mxbai_large, "mxbai-rerank 0.1.6"},
};

// Chat models have the same configuration.
const PublishedReranker* undeclared(const JsonView&, bool) {
  return nullptr;
}

}  // namespace

constinit const Family kQwen2{.name = "Qwen2",
                              .model_type = "qwen2",
                              .causal = "Qwen2ForCausalLM",
                              .classifier = "",
                              .plain = "",
                              .read_layout = read_layout,
                              .rerankers = kRerankers,
                              .undeclared = undeclared};

}  // namespace rerank
