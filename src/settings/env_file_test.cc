#include "settings/env_file.h"

#include <gtest/gtest.h>

#include "rerank/error.h"

namespace rerank {
namespace {

std::string read(std::string_view content) {
  std::string all;
  for (const EnvLine& line : env_lines(content, ".env")) {
    all += std::to_string(line.number) + " " + line.name + "=[" + value_of(line, ".env") + "]\n";
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

// tests/server/start_script_test.py has the same cases for the script.
TEST(EnvFile, TakesLinesAsAShellWritesThem) {
  const struct {
    std::string_view content;
    std::string expected;
  } cases[] = {
      {"", ""},
      {"PORT=9", "1 PORT=[9]\n"},
      {"PORT=9\nHOST=::\n", "1 PORT=[9]\n2 HOST=[::]\n"},
      {"# words\n\n  \t\n#PORT=1\nPORT=9\n", "5 PORT=[9]\n"},
      {"PORT=9\r\nHOST=a\r\n", "1 PORT=[9]\n2 HOST=[a]\n"},
      {"\xEF\xBB\xBFPORT=9\n", "1 PORT=[9]\n"},
      {"  export PORT=9  \n", "1 PORT=[9]\n"},
      {"exported=1\n", "1 exported=[1]\n"},
      {"PORT = 9\n", "1 PORT=[9]\n"},
      {"PORT=\n", "1 PORT=[]\n"},
      {"PORT= # nothing\n", "1 PORT=[]\n"},
      {"PORT=9 # few\n", "1 PORT=[9]\n"},
      {"PORT=9\t# few\n", "1 PORT=[9]\n"},
      {"KEY=a#b #c\n", "1 KEY=[a#b]\n"},
      {"KEY=#b\n", "1 KEY=[#b]\n"},
      {"KEY=\"a # b\"\n", "1 KEY=[a # b]\n"},
      {"KEY=\"a\" # b\n", "1 KEY=[a]\n"},
      {"KEY='a' \n", "1 KEY=[a]\n"},
      {"KEY=\"\"\n", "1 KEY=[]\n"},
      {"KEY=\"it's\"\n", "1 KEY=[it's]\n"},
      {"KEY=it's\n", "1 KEY=[it's]\n"},
      {"KEY=a=b\n", "1 KEY=[a=b]\n"},
      {"KEY=\"$(touch ran) $HOME \\n\"\n", "1 KEY=[$(touch ran) $HOME \\n]\n"},
      {"KEY=caf\xE9\n", "1 KEY=[caf\xE9]\n"},  // bytes of a path are whatever they are
  };
  for (const auto& c : cases) EXPECT_EQ(read(c.content), c.expected) << c.content;
}

TEST(EnvFile, NamesTheLineThatMakesNoSense) {
  const struct {
    std::string_view content;
    std::string message;
  } cases[] = {
      {"PORT=9\nHOST\n", ".env, line 2: neither NAME=VALUE nor a comment, which begins with #"},
      {"\nKEY=\"a\n", ".env, line 2: KEY has no closing quote"},
      {"K\x1b[31mY=\"a\n", ".env, line 1: K?[31mY has no closing quote"},
      {"KEY='a'b\n",
       ".env, line 1: KEY has text after the closing quote; to include one kind of quotes, use the other "
       "around the value"},
      {std::string_view("\xFF\xFEP\0O\0=\0", 8), ".env, line 1: not a text file; save the file as UTF-8"},
  };
  for (const auto& c : cases) EXPECT_EQ(refusal(c.content), c.message) << c.content;
}

}  // namespace
}  // namespace rerank
