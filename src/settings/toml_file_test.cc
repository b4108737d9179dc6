#include "settings/toml_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "rerank/error.h"

namespace rerank {
namespace {

using testing::StartsWith;

std::string read(std::string_view content) {
  std::string all;
  for (const TomlEntry& entry : toml_entries(content, "rerank.toml")) {
    all +=
        std::to_string(entry.line) + " [" + entry.section + "] " + entry.key + (entry.is_list ? " list" : "");
    for (const std::string& value : entry.values) all += " <" + value + ">";
    all += "\n";
  }
  return all;
}

std::string refusal(std::string_view content) {
  try {
    read(content);
  } catch (const Error& error) {
    return error.what();
  }
  return "taken";
}

TEST(TomlFile, MakesTextOfEveryValueAndKeepsItsLine) {
  const struct {
    std::string_view content;
    std::string expected;
  } cases[] = {
      {"", ""},
      {"# nothing\n", ""},
      {"port = 9\nhost = \"::\"\n", "1 [] port <9>\n2 [] host <::>\n"},
      {"truncate = false\ngpu_memory_utilization = 0.85\n",
       "1 [] truncate <false>\n2 [] gpu_memory_utilization <0.85>\n"},
      {"port = 9\r\n", "1 [] port <9>\n"},
      {"\xEF\xBB\xBFport = 9\n", "1 [] port <9>\n"},
      {"api_key = [\"a\",\n  \"b\"]\n", "1 [] api_key list <a> <b>\n"},
      {"uds = \"\"\n", "1 [] uds <>\n"},
      {"port = 1\n\n[serve]\nport = 2\n[rank]\n", "1 [] port <1>\n4 [serve] port <2>\n5 [rank] \n"},
      {"serve.port = 2\n", "1 [serve] port <2>\n"},
      {"instruction = \"\"\"two\nlines\"\"\"\nport = 1\n", "1 [] instruction <two\nlines>\n3 [] port <1>\n"},
  };
  for (const auto& c : cases) EXPECT_EQ(read(c.content), c.expected) << c.content;
}

TEST(TomlFile, NamesFileAndLineOfWhatMakesNoSense) {
  const struct {
    std::string_view content;
    std::string message;
  } cases[] = {
      {"port = 1\nhost = nowhere\n", "rerank.toml, line 2: "},
      {"port = 1\nport = 2\n", "rerank.toml, line 2: "},
      {"port 9\n", "rerank.toml, line 1: "},
      {"host = \"\xE9\"\n", "rerank.toml, line 1: "},
      {"[serve]\nport = {number = 1}\n",
       "rerank.toml, line 2: port must be a text, a number, true or false, or a list of these"},
      {"[serve.more]\nport = 1\n",
       "rerank.toml, line 1: more must be a text, a number, true or false, or a list of these"},
      {"port = 2026-01-01\n", "rerank.toml, line 1: port must be a text"},
      {"\n[[serve]]\nport = 1\n", "rerank.toml, line 2: serve must be a text"},
      {"api_key = [[\"a\"]]\n", "rerank.toml, line 1: api_key must be a text"},
      {"\"a\\u001b[31m\" = [[1]]\n", "rerank.toml, line 1: a?[31m must be a text"},
      // The parser takes these for impossible.
      {"[[= 1\n", "rerank.toml, line 1: not valid TOML"},
      {"port = 1\n\n[[=]]\nhost = \"a\"\n", "rerank.toml, line 3: not valid TOML"},
      {"port = 1\n[[=]]", "rerank.toml, line 2: not valid TOML"},
  };
  for (const auto& c : cases) EXPECT_THAT(refusal(c.content), StartsWith(c.message)) << c.content;
}

}  // namespace
}  // namespace rerank
