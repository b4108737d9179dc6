// Splits a Jinja template into text, outputs and statements, handling white space as Transformers does
// (trim_blocks, lstrip_blocks, last newline dropped). It does not interpret them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace rerank::jinja {

struct Token {
  enum class Kind { kName, kString, kInteger, kOperator } kind = Kind::kOperator;
  std::string text;  // of a string: unescaped
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

// Throws Error{kUnsupported}: "NAME: line N: WHAT; ...", with what to do about it.
[[noreturn]] void refuse(std::string_view name, int line, std::string_view what);

// Throws like refuse.
std::vector<Node> read_nodes(std::string_view text, std::string_view name);

}  // namespace rerank::jinja
