// The text of a Jinja template as text, outputs and statements, with the white space that Transformers leaves
// (trim_blocks, lstrip_blocks, the last newline dropped). What they mean is not known here.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rerank::jinja {

struct Token {
  enum class Kind { kName, kString, kInteger, kOperator } kind = Kind::kOperator;
  std::string text;  // of a string: as the template means it
  std::int64_t integer = 0;

  bool is(std::string_view what) const { return kind != Kind::kString && text == what; }
};

struct Node {
  enum class Kind { kText, kOutput, kStatement } kind = Kind::kText;
  int line = 1;
  std::string text;
  std::vector<Token> tokens;

  bool is_statement(std::string_view keyword) const {
    return kind == Kind::kStatement && !tokens.empty() && tokens.front().is(keyword);
  }
};

// "NAME: line N: WHAT; ..." with what to do about it, as Error{kUnsupported}.
[[noreturn]] void refuse(std::string_view name, int line, std::string_view what);

// Throws as refuse.
std::vector<Node> read_nodes(std::string_view text, std::string_view name);

}  // namespace rerank::jinja
