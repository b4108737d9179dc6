// Gemma 1 (Hugging Face GemmaForCausalLM): norm weights are offset by 1, embeddings are scaled by
// sqrt(hidden_size), and the MLP is gated by GELU.
#include <array>
#include <cmath>
#include <utility>

#include "model/decoder/decoder_layout.h"
#include "model/decoder/decoders.h"

namespace rerank {
namespace {

ModelLayout read_layout(const JsonView& config, HeadKind head) {
  // "gelu" means the approximation by tanh here: the models were trained with it (Transformers 5 reads both
  // so).
  for (const char* key : {"hidden_act", "hidden_activation"}) {
    require_one_of(config, key, {"gelu", "gelu_pytorch_tanh"});
  }
  DecoderConfig read = read_decoder_config(config, {.head_dim = 256, .tied_embeddings = true});
  read.spec.qk_norm = false;
  read.spec.activation = MlpActivation::kGeluTanh;
  read.spec.norm_weight_offset = 1;
  read.spec.embedding_scale = std::sqrt(static_cast<float>(read.spec.hidden));
  return decoder_layout(std::move(read), head);
}

// FlagEmbedding (inference/reranker/decoder_only/base.py, commit 7ed43d6): the pieces are encoded separately,
// and the whole prompt may exceed the limit by two separators and two tasks.
DeclaredPrompt bge_reranker_v2_gemma() {
  return {.prompt = {.pieces = {{.texts = {{"<bos>"}}},
                                {.texts = {{"A: ", PromptField::kQuery}}},
                                {.texts = {{"\n"}}, .times_outside_limit = 1},
                                {.texts = {{"B: ", PromptField::kDocument}}},
                                {.texts = {{"\n"}}, .times_outside_limit = 1},
                                {.texts = {{"Given a query A and a passage B, determine whether the passage "
                                            "contains an answer to the query by providing a prediction of "
                                            "either 'Yes' or 'No'."}},
                                 .times_outside_limit = 2}},
                     .default_text_limit = 512,
                     .query_percent = 75,
                     .document_within_text_limit = true},
          .answers = {.yes = {.word = "Yes"}, .no = {}},
          .score = {.sigmoid = false}};
}

constexpr std::array kRerankers = {
    PublishedReranker{"bge-reranker-v2-gemma", "bge-reranker-v2-gemma", bge_reranker_v2_gemma,
                      "FlagEmbedding's compute_score"},
};

const PublishedReranker* undeclared(const JsonView&, bool) {
  return nullptr;
}

}  // namespace

constinit const Family kGemma{.name = "Gemma",
                              .model_type = "gemma",
                              .causal = "GemmaForCausalLM",
                              .classifier = "",
                              .plain = "",
                              .read_layout = read_layout,
                              .rerankers = kRerankers,
                              .undeclared = undeclared};

}  // namespace rerank
