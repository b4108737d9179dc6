// The contents of a checkpoint in numbers, as `rerank inspect` prints them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/data_type.h"
#include "checkpoint/checkpoint.h"

namespace rerank {

struct CheckpointSummary {
  struct TypeCount {
    DataType type;
    std::size_t num_tensors = 0;
    std::int64_t num_parameters = 0;
  };

  std::string description;
  std::string identity;
  std::size_t num_tensors = 0;
  std::int64_t num_parameters = 0;
  std::uint64_t size_bytes = 0;  // of the tensors' elements
  std::vector<TypeCount> types;  // those that occur
  std::size_t num_files = 0;     // 0: made in memory
};

// Reads no weights except for the identity, see Checkpoint.
CheckpointSummary summarize(const Checkpoint& checkpoint);

}  // namespace rerank
