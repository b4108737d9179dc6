// Llama with attention both ways (nvidia/llama-nemotron-rerank, LlamaBidirectionalForSequenceClassification):
// the mean of all states, one row, and a temperature.
#include <array>
#include <utility>

#include "model/decoder/decoder_layout.h"
#include "model/encoder/encoder_config.h"
#include "model/encoder/encoders.h"
#include "model/rope_config.h"
#include "text/strict_json.h"

namespace rerank {
namespace {

std::vector<float> read_rotation(const ConfigReader& config, std::int32_t head_dim) {
  const auto scaling = find_rope_scaling(config, "llama3");
  if (!scaling) return rotary_frequencies(head_dim, read_rope_theta(config));
  const ConfigReader& base = scaling->contains("rope_theta") ? *scaling : config;
  return scale_as_llama3(rotary_frequencies(head_dim, base.positive("rope_theta")), *scaling);
}

ModelLayout read_layout(const ConfigReader& config, HeadKind head) {
  require_one_label(config);
  refuse_quantization(config);
  require_activation(config, "hidden_act", {"silu"});
  require_activation(config, "pooling", {"avg"});
  for (const char* key : {"attention_bias", "mlp_bias"}) {
    if (config.flag(key, false)) config.unsupported(key, "is true, which is not supported");
  }
  TransformerSpec spec = read_sizes(config, {.epsilon = "rms_norm_eps", .has_kv_heads = true});
  spec.rotations = {read_rotation(config, spec.head_dim)};
  spec.mask = Mask::kBidirectional;
  spec.pooling = Pooling::kMean;
  HeadStep score = dense_step(1, HeadStep::Activation::kNone, false);
  if (config.contains("temperature")) score.divisor = static_cast<float>(config.positive("temperature"));
  spec.head = {score};
  return decoder_layout({.spec = std::move(spec)}, head);
}

// Its model card: one text, which loses its end where it is too long.
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

const PublishedReranker* undeclared(const ConfigReader&, bool) {
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
