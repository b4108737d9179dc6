// The packed weights of a model: mapped from a cache file if there is one, otherwise packed on all threads
// and, if possible, stored in such a file for the next start.
#pragma once

#include <cstdint>
#include <string>

#include "backend/cpu/packed_model.h"
#include "backend/transformer.h"
#include "base/files/mapped_file.h"
#include "base/memory_block.h"
#include "base/thread_pool.h"

namespace rerank::cpu {

class PackedWeights {
 public:
  // With an empty `cache_directory` nothing is stored on disk; a cache that cannot be read or written causes
  // a warning.
  PackedWeights(TransformerWeights& weights, const PackedForm& form, const std::string& cache_directory,
                ThreadPool& pool);

  // Everything a forward pass needs: `weights` is not read afterwards.
  const PackedModel& model() const { return model_; }
  const PackedForm& form() const { return form_; }
  std::int64_t size_bytes() const { return size_bytes_; }
  // Empty if the weights are in memory only.
  const std::string& cache_file() const { return cache_file_; }

 private:
  bool map_cache(const std::string& path, const std::string& header);

  PackedForm form_;
  std::int64_t size_bytes_;
  std::string cache_file_;
  MappedFile mapped_;
  MemoryBlock memory_;
  PackedModel model_;
};

}  // namespace rerank::cpu
