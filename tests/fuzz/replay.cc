// Runs a target over files, without libFuzzer: its corpus as an ordinary test, with any compiler.
//
// usage: PROGRAM FILE-OR-FOLDER...
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <vector>

#include "tests/fuzz/fuzz_target.h"

namespace rerank::fuzz {

const bool kRunsEachInputOnce = true;

namespace {

void run_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  expect(file.good(), "the file can be read: " + path.string());
  const std::vector<char> bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  std::fprintf(stderr, "%s (%zu bytes)\n", path.c_str(), bytes.size());
  // A copy of just its size, so that a sanitizer sees a read beyond its end.
  const auto exact = std::make_unique<char[]>(bytes.size());
  std::copy(bytes.begin(), bytes.end(), exact.get());
  run_input({exact.get(), bytes.size()});
}

int replay(const std::vector<std::filesystem::path>& arguments) {
  std::vector<std::filesystem::path> files;
  for (const std::filesystem::path& argument : arguments) {
    if (!std::filesystem::is_directory(argument)) {
      files.push_back(argument);
      continue;
    }
    for (const auto& entry : std::filesystem::directory_iterator(argument)) files.push_back(entry.path());
  }
  expect(!files.empty(), "there is something to run");
  std::sort(files.begin(), files.end());
  run_input({});
  for (const std::filesystem::path& file : files) run_file(file);
  std::printf("%zu inputs\n", files.size());
  return 0;
}

}  // namespace
}  // namespace rerank::fuzz

int main(int argc, char** argv) {
  return rerank::fuzz::replay({argv + 1, argv + argc});
}
