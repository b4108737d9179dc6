// RoBERTa and XLM-RoBERTa (Hugging Face RobertaForSequenceClassification and
// XLMRobertaForSequenceClassification): BERT's layers with positions that begin behind the padding's, and
// another head.
#include <utility>

#include "model/encoder/bert.h"
#include "model/encoder/encoders.h"

namespace rerank {
namespace {

ModelLayout read_layout(const ConfigReader& config, HeadKind head) {
  TransformerSpec spec = read_bert_layers(config);
  spec.position_pad_id =
      config.contains("pad_token_id") ? config.integer("pad_token_id", 0, spec.vocab - 1) : 1;
  spec.position_offset = spec.position_pad_id + 1;
  if (spec.position_offset >= spec.num_position_rows) {
    config.refuse("max_position_embeddings",
                  "leaves no position behind pad_token_id's; download the model's config.json again");
  }
  spec.max_positions -= spec.position_offset;
  const bool has_head = head == HeadKind::kClassification;
  TensorList list = bert_layer_tensors(spec, has_head ? "roberta." : "");
  if (has_head) {
    add_head(spec, list, {"classifier.dense", "classifier.out_proj"},
             {dense_step(spec.hidden, HeadStep::Activation::kTanh, true),
              dense_step(1, HeadStep::Activation::kNone, true)});
  }
  return {.spec = std::move(spec), .tensors = list.take()};
}

}  // namespace

constinit const Family kRoberta{.name = "RoBERTa",
                                .model_type = "roberta",
                                .causal = "",
                                .classifier = "RobertaForSequenceClassification",
                                .plain = "RobertaModel",
                                .read_layout = read_layout,
                                .rerankers = {},
                                .undeclared = tokenizers_pair};

constinit const Family kXlmRoberta{.name = "XLM-RoBERTa",
                                   .model_type = "xlm-roberta",
                                   .causal = "",
                                   .classifier = "XLMRobertaForSequenceClassification",
                                   .plain = "XLMRobertaModel",
                                   .read_layout = read_layout,
                                   .rerankers = {},
                                   .undeclared = tokenizers_pair};

}  // namespace rerank
