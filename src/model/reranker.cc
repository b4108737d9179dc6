#include "model/reranker.h"

#include <algorithm>
#include <utility>

#include "model/decoder/decoder_tensors.h"
#include "prompt/prompt_file.h"
#include "rerank/error.h"

namespace rerank {
namespace {

struct Architecture {
  FamilyMatch match;
  DecoderConfig config;
  std::vector<ModelTensor> tensors;
};

Architecture read_architecture(const ConfigReader& reader) {
  Architecture read{.match = find_family(reader), .config = {}, .tensors = {}};
  read.config = read.match.family->read_config(reader);
  read.tensors =
      decoder_tensors(read.config, read.match.has_classification_head() ? DecoderHead::kClassification
                                                                        : DecoderHead::kVocabulary);
  return read;
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
  const auto own = std::find_if(tensors.begin(), tensors.end(),
                                [](const ModelTensor& tensor) { return tensor.role == TensorRole::kHead; });
  if (has_classification_head) return own->name;
  const std::string rows = declared.answers.no.is_given() ? "yes and no rows of " : "yes row of ";
  return own != tensors.end() ? rows + own->name : rows + tensors.front().name + " (tied)";
}

std::string Reranker::prompt_file() const {
  return write_prompt_file(declared);
}

TransformerSpec spec_of_config(std::string_view config_json, const std::string& name) {
  return read_architecture(ConfigReader(config_json, name)).config.spec;
}

std::string prompt_file_of_config(std::string_view config_json, const std::string& name) {
  const Family* family = read_architecture(ConfigReader(config_json, name)).match.family;
  return "{\"prompt\": \"" + std::string(family->rerankers.front().name) + "\"}\n";
}

std::vector<ModelTensor> tensors_of_config(std::string_view config_json, const std::string& name) {
  return read_architecture(ConfigReader(config_json, name)).tensors;
}

Reranker read_reranker(const Checkpoint& checkpoint, const PromptChoice& choice) {
  const ConfigReader reader(checkpoint.config_json(), checkpoint.config_name());
  Architecture read = read_architecture(reader);
  Declaration declaration = find_declaration(checkpoint, reader, read.match, choice);
  validate_tensors(checkpoint, read.tensors, read.match.architecture);
  return {.architecture = read.match.architecture,
          .spec = read.config.spec,
          .has_classification_head = read.match.has_classification_head(),
          .tensors = std::move(read.tensors),
          .declared = std::move(declaration.declared),
          .source = std::move(declaration.source)};
}

}  // namespace rerank
