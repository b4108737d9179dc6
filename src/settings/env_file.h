// Reads files of NAME=VALUE lines, such as .env, by the rules that scripts/start_rerank.sh has too. Runs
// nothing and replaces nothing in them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace rerank {

struct EnvLine {
  std::string name;
  std::string text;  // what follows the =, as it is written
  int number = 0;    // from 1
};

// Every line that sets something. Throws Error naming `file` and the line that is neither that nor empty nor
// a comment.
std::vector<EnvLine> env_lines(std::string_view content, const std::string& file);

// Without quotes and comment. Throws Error naming `file` and line.
std::string value_of(const EnvLine& line, const std::string& file);

}  // namespace rerank
