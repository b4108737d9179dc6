// The layers of BERT, which the RoBERTa families share.
#pragma once

#include <string>

#include "model/encoder/encoder_config.h"
#include "model/tensor_list.h"

namespace rerank {

// Learned positions and token types, norms behind each step, an MLP without a gate.
TransformerSpec read_bert_layers(const JsonView& config);

// All tensors except the head's. `prefix` is, for example, "bert.".
TensorList bert_layer_tensors(const TransformerSpec& spec, const std::string& prefix);

// `names` are the tensor names of the head's steps.
void add_head(TransformerSpec& spec, TensorList& list, std::initializer_list<const char*> names,
              std::initializer_list<HeadStep> steps);

}  // namespace rerank
