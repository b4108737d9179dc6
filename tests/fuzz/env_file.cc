// .env files: lines that set something, or an Error with the line, and a value that is quoted comes back.
#include "settings/env_file.h"

#include <string>

#include "rerank/error.h"
#include "tests/fuzz/fuzz_target.h"

namespace rerank::fuzz {
namespace {

void check_quoted(const EnvLine& line, const std::string& value) {
  const char quote = value.find('"') == std::string::npos ? '"' : '\'';
  if (value.find(quote) != std::string::npos) return;
  const std::string text = "export " + line.name + "=" + quote + value + quote + " # said again";
  const std::vector<EnvLine> lines = env_lines(text, "again.env");
  expect(lines.size() == 1 && lines.front().name == line.name, "a line that is written again is one line");
  expect(value_of(lines.front(), "again.env") == value, "a quoted value comes back");
}

}  // namespace

void run_input(std::string_view input) {
  try {
    std::vector<EnvLine> lines;
    {
      const MemoryBound bound(200 * input.size() + (std::size_t{64} << 10));
      lines = env_lines(input, "f.env");
    }
    int last = 0;
    for (const EnvLine& line : lines) {
      expect(line.number > last, "lines come in order");
      last = line.number;
      expect(line.name.find_first_of("=\n") == std::string::npos, "a name ends at the first =");
      try {
        const std::string value = value_of(line, "f.env");
        expect(line.text.find(value) != std::string::npos, "a value is part of its line");
        check_quoted(line, value);
      } catch (const Error& error) {
        expect_presentable(error.what());
        expect(std::string_view(error.what()).starts_with("f.env, line "), "an error names file and line");
      }
    }
  } catch (const Error& error) {
    expect_presentable(error.what());
    expect(std::string_view(error.what()).starts_with("f.env, line "), "an error names file and line");
  }
}

}  // namespace rerank::fuzz
