// Where tests find a real tokenizer.json: the Qwen3 one is too large to ship. What to do without it is the
// test's own decision; most skip.
#pragma once

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

namespace rerank {

inline constexpr const char* kNoTestTokenizer =
    "needs Qwen3's tokenizer.json: set RERANK_TEST_TOKENIZER to its path, or put it at "
    "../shared/qwen3/tokenizer.json "
    "beside the source";

// RERANK_TEST_TOKENIZER if it is set, else ../shared/qwen3/tokenizer.json beside the source if that exists.
inline std::optional<std::filesystem::path> test_tokenizer_file() {
  if (const char* named = std::getenv("RERANK_TEST_TOKENIZER"); named != nullptr && *named != '\0')
    return named;
  std::filesystem::path beside = std::filesystem::path(RERANK_SOURCE_DIR) / "../shared/qwen3/tokenizer.json";
  if (std::filesystem::exists(beside)) return beside;
  return std::nullopt;
}

}  // namespace rerank
