// A model's numbers, wherever they come from: a Hugging Face directory, mapped, or a synthetic model made in
// memory.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/tensor_view.h"
#include "checkpoint/config.h"

namespace rerank {

struct TensorInfo {
  std::string name;
  DataType type;
  std::vector<std::int64_t> shape;
};

// Safe from any number of threads at once, except release().
class Checkpoint {
 public:
  virtual ~Checkpoint() = default;

  virtual const ModelConfig& config() const = 0;
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
  // verifies them. Of files it takes reading them whole, unless open_checkpoint was given a record of it.
  virtual std::string identity() const = 0;
  // Where it came from, for people.
  virtual std::string description() const = 0;
};

// Whether the checkpoint has every tensor that its architecture needs, in the right shape, and none whose
// effect this program would leave out. Throws Error naming the tensor, the wanted and the found shape, and
// what to do.
void validate_tensors(const Checkpoint& checkpoint);

// Opens and validates what `model` names: a directory; a repository name in the Hugging Face cache
// (HF_HUB_CACHE, HF_HOME, else
// ~/.cache/huggingface), e.g. "Qwen/Qwen3-Reranker-0.6B"; "demo", the model that ships (RERANK_DEMO_MODEL,
// else beside the installed program or the source); "synth:SIZE", made in memory with seed 1 and std 0.03.
// NAME@REVISION asks for another revision than main. Throws Error naming what was looked for and where, or
// what is wrong with the file.
// `record_directory` is where content_identity keeps its record; empty: nowhere.
std::unique_ptr<Checkpoint> open_checkpoint(const std::string& model,
                                            const std::string& record_directory = "");

// The directory of the model that ships. Throws Error{kNotFound}.
std::filesystem::path demo_model_directory();

}  // namespace rerank
