// The layers of BERT, which RoBERTa and its kin have too.
#pragma once

#include <string>

#include "model/encoder/encoder_config.h"
#include "model/tensor_list.h"

namespace rerank {

// Learned positions and token types, norms behind each step, an MLP without a gate.
TransformerSpec read_bert_layers(const JsonView& config);

// All tensors but the head's. `prefix`: "bert." or like it.
TensorList bert_layer_tensors(const TransformerSpec& spec, const std::string& prefix);

// `names`: of the head's steps.
void add_head(TransformerSpec& spec, TensorList& list, std::initializer_list<const char*> names,
              std::initializer_list<HeadStep> steps);

}  // namespace rerank
