// A synthetic model made straight in memory, tensor by tensor when asked for: what benchmarks run on.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/memory_block.h"
#include "base/thread_pool.h"
#include "checkpoint/checkpoint.h"
#include "model/synthetic/synthetic_weights.h"

namespace rerank {

struct SyntheticOptions {
  std::string config_json;  // of a family that this program knows
  std::string size_name;    // for people, e.g. "0.6B"
  SyntheticRecipe recipe;
  std::map<std::string, std::string> files = {};  // the texts of others, by path, such as modules.json
};

// The config.json of a size that goldens and benchmarks use, nano | odd | 0.6B | 4B | 8B (any case); empty
// for any other name.
std::string published_config(std::string_view size);

// The text of config.json for `config`, which is a size that published_config knows or the name of a file.
// Throws Error{kNotFound} naming both.
std::string synthetic_config(const std::string& config);

// bfloat16 throughout. tensor() makes the whole tensor with every processor on the first call and keeps it
// until release().
class SyntheticCheckpoint final : public Checkpoint {
 public:
  // Throws Error when the config is refused by its family, or std is no number above 0 and at most 10.
  explicit SyntheticCheckpoint(const SyntheticOptions& options);

  const std::string& config_json() const override { return config_json_; }
  std::string config_name() const override { return "config of synth:" + size_name_; }
  // Those that it was given, and its prompt file.
  std::optional<std::string> text_file(std::string_view path) const override;
  const std::vector<TensorInfo>& tensors() const override { return tensors_; }
  TensorView tensor(std::string_view name) const override;
  void release(std::string_view name) override;
  std::string identity() const override { return identity_; }
  std::string description() const override;

 private:
  SyntheticRecipe recipe_;
  std::string size_name_;
  std::string config_json_;
  std::map<std::string, std::string> files_;
  std::vector<TensorInfo> tensors_;
  std::string identity_;
  mutable std::mutex mutex_;  // guards what follows
  mutable std::unique_ptr<ThreadPool> pool_;
  mutable std::vector<MemoryBlock> blocks_;  // as tensors_; of size 0 until made
};

}  // namespace rerank
