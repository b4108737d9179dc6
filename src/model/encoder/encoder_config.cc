#include "model/encoder/encoder_config.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>

#include "text/strict_json.h"

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

TransformerSpec read_encoder_sizes(const ConfigReader& config, std::string_view epsilon) {
  require_one_label(config);
  refuse_quantization(config);
  for (const std::string_view key : {"is_decoder", "add_cross_attention"}) {
    if (config.flag(key, false))
      config.unsupported(key, "is true, which is not supported; use a model without it");
  }
  TransformerSpec spec = read_sizes(config, {.epsilon = epsilon});
  spec.norm = NormKind::kLayer;
  spec.norm_bias = true;
  spec.mask = Mask::kBidirectional;
  spec.pooling = Pooling::kFirst;
  return spec;
}

void require_one_label(const ConfigReader& config) {
  const auto refuse = [&](const char* key, std::size_t count) {
    config.unsupported(key, fmt::format("says that the model has {} labels: a reranker has one score; use a "
                                        "model that was trained to rank",
                                        count));
  };
  if (config.contains("num_labels")) {
    const std::int32_t count = config.integer("num_labels", 0, INT32_MAX);
    if (count != 1) refuse("num_labels", static_cast<std::size_t>(count));
  }
  if (!config.contains("id2label")) return;
  const boost::json::object* labels = config.get("id2label").if_object();
  if (labels == nullptr) config.refuse("id2label", "must be an object; download the file again");
  if (labels->size() != 1) refuse("id2label", labels->size());
}

HeadStep dense_step(std::int32_t outputs, HeadStep::Activation activation, bool has_bias) {
  return {.kind = HeadStep::Kind::kDense, .outputs = outputs, .has_bias = has_bias, .activation = activation};
}

HeadStep layer_norm_step(float eps, bool has_bias) {
  return {.kind = HeadStep::Kind::kLayerNorm, .has_bias = has_bias, .eps = eps};
}

const PublishedReranker* tokenizers_pair(const ConfigReader&, bool) {
  return &kPair;
}

}  // namespace rerank
