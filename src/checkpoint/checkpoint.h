// A model's configuration and tensors, from a mapped Hugging Face directory or a synthetic model in memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/tensor_view.h"

namespace rerank {

class JsonFile;

struct TensorInfo {
  std::string name;
  DataType type;
  std::vector<std::int64_t> shape;
};

// Safe from any number of threads at once, except release().
class Checkpoint {
 public:
  virtual ~Checkpoint() = default;

  // The text of config.json, and its name for error messages.
  virtual const std::string& config_json() const = 0;
  virtual std::string config_name() const = 0;
  // The text of another file of the model, such as "1_LogitScore/config.json"; nullopt if it does not exist.
  // Throws Error if it cannot be read.
  virtual std::optional<std::string> text_file(std::string_view path) const = 0;
  // The same, parsed; an empty object if the file does not exist. Throws Error if it is not JSON.
  JsonFile json_file(std::string_view path) const;
  // Its name for error messages: "DESCRIPTION: PATH".
  std::string name_of(std::string_view path) const;
  // Sorted by name.
  virtual const std::vector<TensorInfo>& tensors() const = 0;
  // The view is valid until release(name) or the destruction of the checkpoint. A synthetic tensor is
  // generated on the first call. Throws Error{kNotFound} naming the tensor.
  virtual TensorView tensor(std::string_view name) const = 0;
  bool contains(std::string_view name) const;
  // The index of `name` in tensors(). Throws Error{kNotFound} naming the tensor.
  std::size_t index_of(std::string_view name) const;
  // Drops the pages of this tensor, which the caller no longer needs. A later tensor(name) reads or generates
  // it again.
  virtual void release(std::string_view name) = 0;
  // The files that contain the tensors; empty for a synthetic model.
  virtual std::vector<std::filesystem::path> files() const { return {}; }
  // A short string that changes with any weight and is the same on every machine. It names and validates
  // derived files. For files it is a hash of their whole contents, unless a valid record of it exists.
  virtual std::string identity() const = 0;
  // A human-readable description of its origin.
  virtual std::string description() const = 0;
};

// The directory of the bundled demo model. Throws Error{kNotFound}.
std::filesystem::path demo_model_directory();

}  // namespace rerank
