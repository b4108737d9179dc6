// From the name of a model to its directory and its tokenizer: a path, a repository in the Hugging Face
// cache, or the model that ships. Opens nothing.
#pragma once

#include <filesystem>
#include <string>

namespace rerank {

// `model` as in open_model, but not "synth:SIZE". Throws Error{kNotFound} naming where it was looked for
// and how to get it.
std::filesystem::path model_directory(const std::string& model);

// The tokenizer's file to use with a model: `tokenizer` where that is not empty, else the model's own
// tokenizer.json or, of old BERT repositories, vocab.txt; or for
// "synth:SIZE", which has none, that of the model that ships. Throws Error{kNotFound} when there is none.
std::filesystem::path tokenizer_location(const std::string& model, const std::string& tokenizer);

// Where the Hugging Face tools keep downloaded models: HF_HUB_CACHE, HF_HOME/hub, else
// XDG_CACHE_HOME/huggingface/hub or ~/.cache/huggingface/hub.
std::filesystem::path huggingface_cache();

// "ORG/NAME" or "NAME", with "@REVISION" or without.
struct RepositoryName {
  std::string name;
  std::string revision = "main";

  // Of letters, digits and . _ - alone, so that no part of it leads out of the directory it is joined to.
  bool is_well_formed() const;
};
RepositoryName parse_repository_name(const std::string& model);

// What the cache calls the folder of a repository: "models--ORG--NAME".
std::string cache_folder(const std::string& repository);

// demo_model_directory() for a program at PREFIX/bin/NAME, built from a source with the model in `source`.
std::filesystem::path demo_model_directory(const std::filesystem::path& program,
                                           const std::filesystem::path& source);

}  // namespace rerank
