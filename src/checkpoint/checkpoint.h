// A model's numbers, wherever they come from: a Hugging Face directory, mapped, or a synthetic model made in
// memory.
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

  // The text of config.json, and what messages call it.
  virtual const std::string& config_json() const = 0;
  virtual std::string config_name() const = 0;
  // The text of another of the model's files, such as "1_LogitScore/config.json"; nothing where there is
  // none. Throws Error when it cannot be read.
  virtual std::optional<std::string> text_file(std::string_view path) const = 0;
  // The same as JSON: an empty object where there is none. Throws Error unless it is JSON.
  JsonFile json_file(std::string_view path) const;
  // What messages call it: "DESCRIPTION: PATH".
  std::string name_of(std::string_view path) const;
  // In the order of their names.
  virtual const std::vector<TensorInfo>& tensors() const = 0;
  // The view lives until release(name) or the end of the checkpoint. A synthetic tensor is made on the first
  // call. Throws Error{kNotFound} naming the tensor.
  virtual TensorView tensor(std::string_view name) const = 0;
  bool contains(std::string_view name) const;
  // The position of `name` in tensors(). Throws Error{kNotFound} naming the tensor.
  std::size_t index_of(std::string_view name) const;
  // The caller needs this tensor's memory no more: its pages are forgotten (read again, or made again, when
  // asked for).
  virtual void release(std::string_view name) = 0;
  // The files that hold the tensors; none for a model made in memory.
  virtual std::vector<std::filesystem::path> files() const { return {}; }
  // A short text that changes with any weight and is the same on every machine: names derived files and
  // verifies them. Of files it takes reading them whole, unless it was opened with a record of it.
  virtual std::string identity() const = 0;
  // Where it came from, for people.
  virtual std::string description() const = 0;
};

// The directory of the model that ships. Throws Error{kNotFound}.
std::filesystem::path demo_model_directory();

}  // namespace rerank
