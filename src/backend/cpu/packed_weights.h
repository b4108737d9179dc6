// The packed weights of a model in memory: mapped from a cache file where there is one, else packed by all
// threads and, where possible, kept in such a file for the next start.
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
  // `format`: of the packed matrices. An empty `cache_directory` keeps nothing on
  // disk; a cache that cannot be read or written is a warning.
  PackedWeights(TransformerWeights& weights, Format format, const std::string& cache_directory,
                ThreadPool& pool);

  // All that a forward needs: nothing of `weights` is looked at any more.
  const PackedModel& model() const { return model_; }
  Format format() const { return form_.format; }
  std::int64_t size_bytes() const { return size_bytes_; }
  // Empty when the weights are in memory only.
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
