#include "model/encoder/encoder_config.h"

#include <fmt/format.h>

namespace rerank {
namespace {

DeclaredPrompt pair() {
  Prompt prompt;
  prompt.default_text_limit = 0;
  prompt.pair = PairTemplate{};
  return {.prompt = std::move(prompt), .answers = {}, .score = {}};
}

constexpr PublishedReranker kPair{"pair", "", pair, "sentence-transformers' CrossEncoder"};

}  // namespace

TransformerSpec read_encoder_sizes(const JsonView& config, std::string_view epsilon) {
  require_one_label(config);
  refuse_quantization(config);
  for (const std::string_view key : {"is_decoder", "add_cross_attention"})
    config.require_off(key, "not supported; use a model without it");
  TransformerSpec spec = read_sizes(config, {.epsilon = epsilon});
  spec.norm = NormKind::kLayer;
  spec.norm_bias = true;
  spec.mask = Mask::kBidirectional;
  spec.pooling = Pooling::kFirst;
  return spec;
}

void require_one_label(const JsonView& config) {
  const auto require_one = [](const JsonView& labels, std::size_t count) {
    if (count == 1) return;
    labels.unsupported(
        fmt::format("says that the model has {} labels: a reranker has one score; use a "
                    "model that was trained to rank",
                    count));
  };
  if (const auto count = config.find("num_labels"))
    require_one(*count, static_cast<std::size_t>(count->integer(0, INT32_MAX)));
  if (const auto labels = config.find("id2label")) require_one(*labels, labels->object().size());
}

HeadStep dense_step(std::int32_t outputs, HeadStep::Activation activation, bool has_bias) {
  return {.kind = HeadStep::Kind::kDense, .outputs = outputs, .has_bias = has_bias, .activation = activation};
}

HeadStep layer_norm_step(float eps, bool has_bias) {
  return {.kind = HeadStep::Kind::kLayerNorm, .has_bias = has_bias, .eps = eps};
}

const PublishedReranker* tokenizers_pair(const JsonView&, bool) {
  return &kPair;
}

}  // namespace rerank
