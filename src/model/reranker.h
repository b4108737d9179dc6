// A checkpoint read as a reranker: everything about it that is not a weight.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backend/transformer.h"
#include "checkpoint/checkpoint.h"
#include "model/declaration.h"
#include "model/tensors.h"

namespace rerank {

struct Reranker {
  std::string family;        // for people, e.g. "BERT"
  std::string architecture;  // config.json's
  TransformerSpec spec;      // max_positions: the model's own limit
  bool has_classification_head = false;
  std::vector<ModelTensor> tensors;  // all that are used
  DeclaredPrompt declared;
  std::string source;  // who declares it, for people

  // Of the matrices, which decides how a backend may compute them.
  DataType matrix_type(const Checkpoint& checkpoint) const;
  std::string head() const;  // for people, e.g. "score.weight"
  // `declared` as the text of a prompt file, which may be put beside another model.
  std::string prompt_file() const;
};

// What config.json alone says, without the modules that sentence-transformers may have saved beside it. All
// throw Error naming the key that is refused; `name` is for messages.
TransformerSpec spec_of_config(std::string_view config_json, const std::string& name);
// The prompt file of a model made up: it ranks as the first reranker that its family lists. An encoder has
// none.
std::optional<std::string> prompt_file_of_config(std::string_view config_json, const std::string& name);
std::vector<ModelTensor> tensors_of_config(std::string_view config_json, const std::string& name);

// What config.json and modules.json say.
ModelLayout read_layout(const Checkpoint& checkpoint);

// Throws Error naming the key of config.json, the tensor or the file that is missing, wrong or not supported,
// and what to do: see find_family, read_decoder_config, validate_tensors and find_declaration.
Reranker read_reranker(const Checkpoint& checkpoint, const PromptChoice& choice = {});

}  // namespace rerank
