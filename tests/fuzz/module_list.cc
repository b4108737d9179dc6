// modules.json: types and plain names of folders, or an Error with words.
#include "checkpoint/module_list.h"

#include "rerank/error.h"
#include "tests/fuzz/fuzz_target.h"

namespace rerank::fuzz {

void run_input(std::string_view input) {
  const MemoryBound bound(500 * input.size() + (std::size_t{256} << 10));
  try {
    for (const Module& module : parse_module_list(input, "modules.json")) {
      expect(module.path.find_first_of(std::string_view("/\\\0", 3)) == std::string::npos &&
                 !module.path.starts_with('.'),
             "no folder leads out of the directory");
      expect(module.type.find('.') == std::string::npos, "a type is the last part of its name");
    }
  } catch (const Error& error) {
    expect_presentable(error.what());
    expect(error.code() != ErrorCode::kInternal, "an odd file is no mistake of ours");
    expect(std::string_view(error.what()).starts_with("modules.json"), "an error names the file");
  }
}

}  // namespace rerank::fuzz
