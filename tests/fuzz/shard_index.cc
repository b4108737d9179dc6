// model.safetensors.index.json: plain names of files beside it, or an Error with words.
#include "checkpoint/shard_index.h"

#include <algorithm>

#include "rerank/error.h"
#include "tests/fuzz/fuzz_target.h"

namespace rerank::fuzz {

void run_input(std::string_view input) {
  const MemoryBound bound(500 * input.size() + (std::size_t{256} << 10));
  try {
    const ShardIndex index = parse_shard_index(input, "index.json");
    expect(!index.file_of.empty(), "an index places tensors");
    expect(std::is_sorted(index.files.begin(), index.files.end()) &&
               std::adjacent_find(index.files.begin(), index.files.end()) == index.files.end(),
           "each file stands once, in order");
    for (const auto& [tensor, file] : index.file_of) {
      expect(std::binary_search(index.files.begin(), index.files.end(), file), "every file is listed");
      expect(file.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos && file.front() != '.',
             "no file leads out of the directory");
    }
  } catch (const Error& error) {
    expect_presentable(error.what());
    expect(error.code() != ErrorCode::kInternal, "an odd file is no mistake of ours");
    expect(std::string_view(error.what()).starts_with("index.json"), "an error names the file");
  }
}

}  // namespace rerank::fuzz
