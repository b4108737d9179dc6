// Where tests find the data of the source tree. For tests only.
#pragma once

#include <cstdlib>
#include <filesystem>

namespace rerank {

// RERANK_TEST_SOURCE if it is set, for tests that run on another machine than they were built on; else where
// they were built.
inline std::filesystem::path test_source_directory() {
  const char* named = std::getenv("RERANK_TEST_SOURCE");
  return named != nullptr && *named != '\0' ? named : RERANK_SOURCE_DIR;
}

}  // namespace rerank
