// A family of models: how its config.json becomes a TransformerSpec, and which published models are
// rerankers. One file for each family; the only list of them is in families.cc.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "backend/transformer.h"
#include "model/tensors.h"
#include "prompt/declared_prompt.h"
#include "text/json_view.h"

namespace rerank {

// Where the logits of a checkpoint come from.
enum class HeadKind {
  kVocabulary,      // rows of a language model's head
  kClassification,  // a classification head with one output
  kModules,         // sentence-transformers modules, in folders next to a plain encoder
};

// What config.json specifies, everything except the modules.
struct ModelLayout {
  TransformerSpec spec;
  std::vector<ModelTensor> tensors;  // all that are used
};

// A published reranker whose directory does not declare how it scores. Prompt, answers and score are those of
// the publisher's code or model card.
struct PublishedReranker {
  std::string_view name;        // for --prompt
  std::string_view repository;  // what the names of its repositories have in common, in lower case
  DeclaredPrompt (*declare)();
  std::string_view source;  // that code or card, for messages
};

struct Family {
  std::string_view name;
  std::string_view model_type;  // of config.json
  std::string_view causal;      // the architecture with a language model's head; empty: an encoder
  std::string_view classifier;  // that with a classification head of one result; empty: none
  std::string_view plain;       // an encoder's without a head; empty: none
  ModelLayout (*read_layout)(const JsonView& config, HeadKind head);
  std::span<const PublishedReranker> rerankers;
  // Which one a checkpoint is that declares nothing; nullptr: none that its configuration could tell from a
  // chat model, so that it is refused.
  const PublishedReranker* (*undeclared)(const JsonView& config, bool has_classification_head);

  bool is_encoder() const { return causal.empty(); }
};

}  // namespace rerank
