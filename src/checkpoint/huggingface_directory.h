// A checkpoint as Hugging Face tools lay it out: config.json, model.safetensors or shards with an index,
// tokenizer.json.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "checkpoint/checkpoint.h"
#include "checkpoint/safetensors.h"

namespace rerank {

// The files are mapped, not read into memory. If a mapped file is truncated, the process ends with SIGBUS, so
// weights that are kept after loading must be copied.
class HuggingFaceDirectory final : public Checkpoint {
 public:
  // `name` is what the user called the model, for messages; `record_directory` as in content_identity. Throws
  // Error naming the file and what is wrong with it.
  HuggingFaceDirectory(const std::filesystem::path& directory, std::string name,
                       std::string record_directory = "");

  const std::string& config_json() const override { return config_text_; }
  std::string config_name() const override { return (directory_ / "config.json").string(); }
  std::optional<std::string> text_file(std::string_view path) const override;
  const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  TensorView tensor(std::string_view name) const override;
  void release(std::string_view name) override;
  std::vector<std::filesystem::path> files() const override;
  std::string identity() const override;
  std::string description() const override;

 private:
  struct Location {
    std::string name;
    const SafetensorsFile* file;
    const SafetensorsEntry* entry;
  };

  void open_files();
  // Opens the files in the folders of sentence-transformers modules. Their tensors are named FOLDER/NAME.
  void open_modules();
  void index_tensors();

  std::filesystem::path directory_;
  std::string name_;
  std::string record_directory_;
  std::string config_text_;
  std::vector<std::unique_ptr<SafetensorsFile>> files_;
  std::vector<std::string> prefixes_;  // parallel to files_: prepended to tensor names
  std::vector<TensorInfo> tensors_;
  std::vector<Location> locations_;  // parallel to tensors_
  mutable std::once_flag identity_made_;
  mutable std::string identity_;
};

}  // namespace rerank
