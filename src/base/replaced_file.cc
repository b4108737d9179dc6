#include "base/replaced_file.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <random>
#include <string>
#include <system_error>

namespace rerank {
namespace {

namespace fs = std::filesystem;

// A writer needs its name for some milliseconds.
constexpr std::chrono::hours kAbandoned{1};

}  // namespace

bool replace_file(const fs::path& path, std::string_view text) {
  std::error_code error;
  fs::create_directories(path.parent_path(), error);
  remove_leftovers(path);
  const fs::path beside = name_beside(path);
  std::ofstream file(beside, std::ios::binary);
  file << text;
  file.close();
  error.clear();
  if (file) fs::rename(beside, path, error);
  if (file && !error) return true;
  fs::remove(beside, error);
  return false;
}

fs::path name_beside(const fs::path& path) {
  std::random_device random;
  const std::uint64_t number = (std::uint64_t{random()} << 32) | random();
  return fmt::format("{}.{:016x}", path.string(), number);
}

void remove_leftovers(const fs::path& path) {
  const std::string start = path.filename().string() + ".";
  const fs::file_time_type limit = fs::file_time_type::clock::now() - kAbandoned;
  std::error_code error;
  fs::directory_iterator entry(path.parent_path(), error);
  for (; !error && entry != fs::directory_iterator(); entry.increment(error)) {
    if (!entry->path().filename().string().starts_with(start)) continue;
    std::error_code ignored;
    const fs::file_time_type written = entry->last_write_time(ignored);
    if (!ignored && written < limit) fs::remove(entry->path(), ignored);
  }
}

}  // namespace rerank
