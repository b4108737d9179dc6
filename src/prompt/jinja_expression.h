// Evaluates expressions of a chat template, in the subset of Jinja whose value does not depend on the texts
// of the pair. Anything else is rejected.
#pragma once

#include <initializer_list>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "prompt/jinja_lexer.h"
#include "prompt/jinja_value.h"

namespace rerank::jinja {

// Innermost last.
using Scopes = std::vector<std::map<std::string, Value, std::less<>>>;

class Expression {
 public:
  // All must outlive it. `line` and `name` are for messages.
  Expression(std::span<const Token> tokens, const Scopes& scopes, std::string_view name, int line)
      : tokens_(tokens), scopes_(scopes), name_(name), line_(line) {}

  // Throw like refuse in jinja_lexer.h. Operands that are not evaluated, such as Y of "X if true else Y", may
  // be anything.
  Value value();
  Value value_without_if();  // of a loop's iterable, after which "if" is a filter
  bool is_true() { return truth(value()); }

 private:
  const Token* next() const { return at_ < tokens_.size() ? &tokens_[at_] : nullptr; }
  bool next_is(std::string_view what) const { return next() != nullptr && next()->is(what); }
  bool take(std::string_view what);
  void expect(std::string_view what);
  std::string take_name(std::string_view what_without);
  // Skips to one of these words or the end of the expression.
  void skip_to(std::initializer_list<std::string_view> words);
  [[noreturn]] void fail(std::string_view what) const { refuse(name_, line_, what); }
  Value complete(Value value) const;

  Value conditional();
  Value either();
  Value both();
  Value negation();
  Value comparison();
  bool in_list(const Value& value);
  Value sum();
  Value concatenation();
  Value primary();
  Value with_suffixes(Value value);
  Value element(const Value& value, const Value& index) const;
  Value member(const Value& value, std::string_view key) const;
  Value filtered(Value value);
  Value selected(const Value& value);
  Value mapped(const Value& value);
  Value or_default(const Value& value);
  Value tested(const Value& value);

  Value named(std::string_view wanted) const;
  bool truth(const Value& value) const;
  bool equal(const Value& a, const Value& b) const;
  // `+`, or `~`, for which undefined is an empty text.
  Value joined(Value a, const Value& b, bool takes_undefined) const;

  std::span<const Token> tokens_;
  const Scopes& scopes_;
  const std::string_view name_;
  const int line_;
  std::size_t at_ = 0;
  int depth_ = 0;
};

}  // namespace rerank::jinja
