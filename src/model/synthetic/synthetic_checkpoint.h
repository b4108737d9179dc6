// A synthetic model in memory, generated tensor by tensor on demand; for benchmarks.
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
  std::string config_json;  // of a supported family
  std::string size_name;    // for messages, e.g. "0.6B"
  SyntheticRecipe recipe;
  std::map<std::string, std::string> files = {};  // contents of other files by path, such as modules.json
};

// The config.json of a size that golden tests and benchmarks use, nano | odd | 0.6B | 4B | 8B (in any case);
// empty for any other name.
std::string published_config(std::string_view size);

// The text of config.json for `config`: a size known to published_config, or a file name. Throws
// Error{kNotFound} if it is neither.
std::string synthetic_config(const std::string& config);

// All weights are bfloat16. The first call of tensor() generates the whole tensor on all processors; it is
// kept until release().
class SyntheticCheckpoint final : public Checkpoint {
 public:
  // Throws Error if the config's family rejects it or std is not a number above 0 and at most 10.
  explicit SyntheticCheckpoint(const SyntheticOptions& options);

  const std::string& config_json() const override { return config_json_; }
  std::string config_name() const override { return "config of synth:" + size_name_; }
  // The files of the options, and the prompt file.
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
  mutable std::vector<MemoryBlock> blocks_;  // parallel to tensors_; of size 0 until generated
};

}  // namespace rerank
