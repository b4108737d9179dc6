// TOML files: values as plain text, or an Error with the line.
#include "settings/toml_file.h"

#include <string>

#include "rerank/error.h"
#include "tests/fuzz/fuzz_target.h"

namespace rerank::fuzz {

void run_input(std::string_view input) {
  const MemoryBound bound(2000 * input.size() + (std::size_t{256} << 10));
  try {
    int last = 0;
    for (const TomlEntry& entry : toml_entries(input, "f.toml")) {
      expect(entry.line >= last, "entries come in the order of their lines");
      last = entry.line;
      expect(entry.is_list || entry.values.size() == (entry.key.empty() && entry.values.empty() ? 0 : 1),
             "what is no list is one value");
    }
  } catch (const Error& error) {
    expect_presentable(error.what());
    expect(error.code() != ErrorCode::kInternal, "an odd file is no mistake of ours");
    expect(std::string_view(error.what()).starts_with("f.toml, line "), "an error names file and line");
  }
}

}  // namespace rerank::fuzz
