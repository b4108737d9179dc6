// A checkpoint interpreted as a reranker: everything except the weights.
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
  std::string family;        // for messages, e.g. "BERT"
  std::string architecture;  // in config.json
  TransformerSpec spec;      // max_positions: the model's limit
  bool has_classification_head = false;
  std::vector<ModelTensor> tensors;  // all tensors used
  DeclaredPrompt declared;
  std::string source;  // where it is declared, for messages

  // The element type of the matrices, which determines the arithmetics a backend can use.
  DataType matrix_type(const Checkpoint& checkpoint) const;
  std::string head() const;  // for messages, e.g. "score.weight"
  // `declared` as a prompt file, which may be placed next to another model.
  std::string prompt_file() const;
};

// What config.json alone specifies, without sentence-transformers modules. All throw Error naming the key
// that is rejected; `name` is for messages.
TransformerSpec spec_of_config(std::string_view config_json, const std::string& name);
// The prompt file of a synthetic model: that of the first reranker of its family. An encoder has none.
std::optional<std::string> prompt_file_of_config(std::string_view config_json, const std::string& name);
std::vector<ModelTensor> tensors_of_config(std::string_view config_json, const std::string& name);

// What config.json and modules.json specify.
ModelLayout read_layout(const Checkpoint& checkpoint);

// Throws Error naming the key of config.json, the tensor or the file that is missing, invalid or not
// supported, and what to do: see find_family, read_decoder_config, validate_tensors and find_declaration.
Reranker read_reranker(const Checkpoint& checkpoint, const PromptChoice& choice = {});

}  // namespace rerank
