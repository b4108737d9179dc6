// Writes a synthetic model to files, for `rerank synth`: config.json, safetensors in one file or in shards,
// and a copy of a tokenizer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

#include "base/thread_pool.h"
#include "model/synthetic/synthetic_weights.h"

namespace rerank {

struct WriteSyntheticOptions {
  std::string config_json;  // see synthetic_config
  SyntheticRecipe recipe;
  std::filesystem::path tokenizer_file;  // copied as tokenizer.json; empty for none
  std::filesystem::path directory;       // new or empty; its parent exists
  std::uint64_t max_shard_bytes = 5'000'000'000;
  int num_threads = ThreadPool::available_processors();
};

// Called on the caller's thread, a few hundred times for a large model. Returning false cancels.
using WriteProgress = std::function<bool(std::uint64_t done_bytes, std::uint64_t total_bytes)>;

// Returns false if cancelled. Everything is written to a temporary directory next to the final one and
// renamed at the end, so an error or cancellation leaves nothing behind. Uses at most 2 MiB of weights per
// thread. Throws Error naming the option or the file.
bool write_synthetic(const WriteSyntheticOptions& options, const WriteProgress& progress);

}  // namespace rerank
