// Llama with bidirectional attention (nvidia/llama-nemotron-rerank,
// LlamaBidirectionalForSequenceClassification): mean pooling, a single output row, and a temperature.
#include <array>
#include <utility>

#include "model/decoder/decoder_layout.h"
#include "model/encoder/encoder_config.h"
#include "model/encoder/encoders.h"
#include "model/rope_config.h"

namespace rerank {
namespace {

std::vector<float> read_rotation(const JsonView& config, std::int32_t head_dim) {
  const auto scaling = find_rope_scaling(config, "llama3");
  if (!scaling) return rotary_frequencies(head_dim, read_rope_theta(config));
  const JsonView& base = scaling->find("rope_theta") ? *scaling : config;
  return scale_as_llama3(rotary_frequencies(head_dim, base.at("rope_theta").positive()), *scaling);
}

ModelLayout read_layout(const JsonView& config, HeadKind head) {
  require_one_label(config);
  refuse_quantization(config);
  require_one_of(config, "hidden_act", {"silu"});
  require_one_of(config, "pooling", {"avg"});
  for (const char* key : {"attention_bias", "mlp_bias"}) config.require_off(key, "not supported");
  TransformerSpec spec = read_sizes(config, {.epsilon = "rms_norm_eps", .has_kv_heads = true});
  spec.rotations = {read_rotation(config, spec.head_dim)};
  spec.mask = Mask::kBidirectional;
  spec.pooling = Pooling::kMean;
  HeadStep score = dense_step(1, HeadStep::Activation::kNone, false);
  if (const auto divisor = config.find("temperature"))
    score.divisor = static_cast<float>(divisor->positive());
  spec.head = {score};
  return decoder_layout({.spec = std::move(spec)}, head);
}

// From its model card: one text, truncated at the end.
DeclaredPrompt nemotron_rerank() {
  Prompt prompt;
  prompt.default_text_limit = 4096;
  prompt.pair =
      PairTemplate{.text = {{"question:", PromptField::kQuery}, {" \n \n passage:", PromptField::kDocument}}};
  return {.prompt = std::move(prompt), .answers = {}, .score = {.sigmoid = false}};
}

constexpr std::array kRerankers = {
    PublishedReranker{"llama-nemotron-rerank", "llama-nemotron-rerank", nemotron_rerank,
                      "the model card of nvidia/llama-nemotron-rerank-1b-v2"},
};

const PublishedReranker* undeclared(const JsonView&, bool) {
  return &kRerankers[0];
}

}  // namespace

constinit const Family kNemotron{.name = "Llama Nemotron",
                                 .model_type = "llama_bidirec",
                                 .causal = "",
                                 .classifier = "LlamaBidirectionalForSequenceClassification",
                                 .plain = "",
                                 .read_layout = read_layout,
                                 .rerankers = kRerankers,
                                 .undeclared = undeclared};

}  // namespace rerank
