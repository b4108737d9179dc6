// Finds the directory and the tokenizer of a model by its name: a path, a repository in the Hugging Face
// cache, or the bundled demo model. Opens no files.
#pragma once

#include <filesystem>
#include <string>

namespace rerank {

// `model` as in open_model, but not "synth:SIZE". Throws Error{kNotFound} naming where it was searched for
// and how to get it.
std::filesystem::path model_directory(const std::string& model);

// The tokenizer file to use with a model: `tokenizer` if not empty; otherwise the model's tokenizer.json or,
// in old BERT repositories, vocab.txt. "synth:SIZE" has no tokenizer and uses that of the demo model. Throws
// Error{kNotFound} if there is none.
std::filesystem::path tokenizer_location(const std::string& model, const std::string& tokenizer);

// Where the Hugging Face tools store downloaded models: HF_HUB_CACHE or HF_HOME/hub; by default
// XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub.
std::filesystem::path huggingface_cache();

// "ORG/NAME" or "NAME", optionally followed by "@REVISION".
struct RepositoryName {
  std::string name;
  std::string revision = "main";

  // Whether all parts consist of letters, digits and . _ - only, and none of them escapes the directory it is
  // appended to.
  bool is_well_formed() const;
};
RepositoryName parse_repository_name(const std::string& model);

// The name of a repository's folder in the cache: "models--ORG--NAME".
std::string cache_folder(const std::string& repository);

// demo_model_directory() for a program at PREFIX/bin/NAME that was built from a source tree with the model in
// `source`.
std::filesystem::path demo_model_directory(const std::filesystem::path& program,
                                           const std::filesystem::path& source);

}  // namespace rerank
