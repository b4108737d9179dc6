#include "model/reranker.h"

#include <algorithm>
#include <utility>

#include "model/module_head.h"
#include "prompt/prompt_file.h"
#include "rerank/error.h"

namespace rerank {
namespace {

// Without the modules of sentence-transformers.
ModelLayout layout_of_config(const JsonView& reader) {
  const FamilyMatch match = find_family(reader);
  return match.family->read_layout(reader, match.head);
}

ModelLayout layout_of(const Checkpoint& checkpoint, const JsonView& reader, const FamilyMatch& match) {
  ModelLayout layout = match.family->read_layout(reader, match.head);
  add_module_head(checkpoint, match, layout);
  return layout;
}

}  // namespace

DataType Reranker::matrix_type(const Checkpoint& checkpoint) const {
  const auto query = std::find_if(tensors.begin(), tensors.end(), [](const ModelTensor& tensor) {
    return tensor.role == TensorRole::kQuery;
  });
  check(query != tensors.end(), "a model without layers");
  return checkpoint.tensors()[checkpoint.index_of(query->name)].type;
}

std::string Reranker::head() const {
  const auto own = std::find_if(tensors.rbegin(), tensors.rend(), [](const ModelTensor& tensor) {
    return tensor.role == TensorRole::kHead || tensor.role == TensorRole::kHeadStep;
  });
  if (has_classification_head) return own->name;
  const std::string rows = declared.answers.no.is_given() ? "yes and no rows of " : "yes row of ";
  return own != tensors.rend() ? rows + own->name : rows + tensors.front().name + " (tied)";
}

std::string Reranker::prompt_file() const {
  require(!declared.prompt.pair, architecture + " has no prompt file: its tokenizer joins query and document",
          ErrorCode::kUnsupported);
  return write_prompt_file(declared);
}

TransformerSpec spec_of_config(std::string_view config_json, const std::string& name) {
  return layout_of_config(JsonFile(config_json, name)).spec;
}

std::optional<std::string> prompt_file_of_config(std::string_view config_json, const std::string& name) {
  const Family* family = find_family(JsonFile(config_json, name)).family;
  if (family->is_encoder()) return std::nullopt;
  return "{\"prompt\": \"" + std::string(family->rerankers.front().name) + "\"}\n";
}

std::vector<ModelTensor> tensors_of_config(std::string_view config_json, const std::string& name) {
  return layout_of_config(JsonFile(config_json, name)).tensors;
}

ModelLayout read_layout(const Checkpoint& checkpoint) {
  const JsonFile reader(checkpoint.config_json(), checkpoint.config_name());
  return layout_of(checkpoint, reader, find_family(reader));
}

Reranker read_reranker(const Checkpoint& checkpoint, const PromptChoice& choice) {
  const JsonFile reader(checkpoint.config_json(), checkpoint.config_name());
  const FamilyMatch match = find_family(reader);
  ModelLayout layout = layout_of(checkpoint, reader, match);
  Declaration declaration = find_declaration(checkpoint, reader, match, choice);
  validate_tensors(checkpoint, layout.tensors, match.architecture);
  return {.family = std::string(match.family->name),
          .architecture = match.architecture,
          .spec = std::move(layout.spec),
          .has_classification_head = match.has_classification_head(),
          .tensors = std::move(layout.tensors),
          .declared = std::move(declaration.declared),
          .source = std::move(declaration.source)};
}

}  // namespace rerank
