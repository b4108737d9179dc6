// What encoder families have in common: keys of config.json, the steps of a classification head, and the pair
// template of their tokenizers.
#pragma once

#include "model/config_sizes.h"
#include "model/family.h"

namespace rerank {

// The sizes, of a spec whose attention goes both ways and whose norms are layer norms with biases. Throws
// Error naming the key: see read_sizes; more than one label; what an encoder does not do.
TransformerSpec read_encoder_sizes(const JsonView& config, std::string_view epsilon);

// num_labels or id2label: a reranker has one. Throws Error naming the key.
void require_one_label(const JsonView& config);

HeadStep dense_step(std::int32_t outputs, HeadStep::Activation activation, bool has_bias);
HeadStep layer_norm_step(float eps, bool has_bias);

// Query and document as the tokenizer's own template for pairs joins them: what an encoder with a
// classification head reads that declares nothing else.
const PublishedReranker* tokenizers_pair(const JsonView& config, bool has_classification_head);

}  // namespace rerank
