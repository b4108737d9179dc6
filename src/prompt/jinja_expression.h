// The value of an expression of a chat template: a closed part of Jinja's, whose value is the same whatever
// the texts are, or a refusal.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "prompt/jinja_lexer.h"
#include "prompt/jinja_value.h"

namespace rerank::jinja {

// The innermost last.
using Scopes = std::vector<std::map<std::string, Value, std::less<>>>;

class Expression {
 public:
  // All must outlive it. `line` and `name` are for refusals.
  Expression(std::span<const Token> tokens, const Scopes& scopes, std::string_view name, int line)
      : tokens_(tokens), scopes_(scopes), name_(name), line_(line) {}

  // Throws as refuse of jinja_lexer.h.
  Value value();
  bool is_true();

 private:
  const Token* next() const { return at_ < tokens_.size() ? &tokens_[at_] : nullptr; }
  bool next_is(std::string_view what) const { return next() != nullptr && next()->is(what); }
  bool take(std::string_view what);
  void expect(std::string_view what);
  [[noreturn]] void fail(std::string_view what) const;
  // Says what cannot be computed, unless this part is only passed over.
  Value cannot(std::string_view what) const;

  Value conditional();
  Value either();
  Value both();
  Value negation();
  Value comparison();
  Value sum();
  Value concatenation();
  Value primary();
  Value with_suffixes(Value value);
  Value subscript(const Value& value);
  Value slice(const Value& value, std::int64_t begin);
  Value member(const Value& value, std::string_view key) const;
  Value filtered(Value value);
  Value selected(const Value& value, bool wanted);
  Value mapped(const Value& value);
  Value or_default(Value value);
  Value tested(const Value& value);
  Value list();

  Value named(std::string_view wanted) const;
  bool truth(const Value& value) const;
  bool equal(const Value& a, const Value& b) const;
  Value appended(const Value& a, const Value& b, bool only_texts) const;

  std::span<const Token> tokens_;
  const Scopes& scopes_;
  const std::string_view name_;
  const int line_;
  std::size_t at_ = 0;
  int depth_ = 0;
  bool passes_over_ = false;
};

}  // namespace rerank::jinja
