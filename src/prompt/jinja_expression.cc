#include "prompt/jinja_expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/shown_text.h"

namespace rerank::jinja {
namespace {

using Kind = Value::Kind;

constexpr int kMostDepth = 64;
constexpr std::size_t kMostTextBytes = std::size_t{1} << 14;

bool is_one_of(const Token& token, std::initializer_list<std::string_view> words) {
  return std::ranges::any_of(words, [&](std::string_view word) { return token.is(word); });
}

class OneDeeper {
 public:
  explicit OneDeeper(int& depth) : depth_(depth) { ++depth_; }
  ~OneDeeper() { --depth_; }
  OneDeeper(const OneDeeper&) = delete;
  OneDeeper& operator=(const OneDeeper&) = delete;

 private:
  int& depth_;
};

}  // namespace

Value Expression::value() {
  return complete(conditional());
}

Value Expression::value_without_if() {
  return complete(either());
}

Value Expression::complete(Value value) const {
  if (next() != nullptr) fail(fmt::format("\"{}\" here", shown_text(next()->text)));
  return value;
}

bool Expression::take(std::string_view what) {
  if (!next_is(what)) return false;
  ++at_;
  return true;
}

void Expression::expect(std::string_view what) {
  if (!take(what)) fail(fmt::format("an expression that lacks \"{}\"", what));
}

std::string Expression::take_name(std::string_view what_without) {
  if (next() == nullptr || next()->kind != Token::Kind::kName) fail(what_without);
  return tokens_[at_++].text;
}

void Expression::skip_to(std::initializer_list<std::string_view> words) {
  for (int depth = 0; next() != nullptr; ++at_) {
    if (depth == 0 && (is_one_of(*next(), {",", ")", "]", "}"}) || is_one_of(*next(), words))) return;
    if (is_one_of(*next(), {"(", "[", "{"})) ++depth;
    if (is_one_of(*next(), {")", "]", "}"})) --depth;
  }
}

// The condition is evaluated before the operand in front of it.
Value Expression::conditional() {
  const OneDeeper deeper(depth_);
  const std::size_t begin = at_;
  skip_to({"if", "else"});
  if (!next_is("if")) {
    at_ = begin;
    return either();
  }
  const std::size_t condition = at_++;
  if (!truth(either())) return take("else") ? conditional() : Value{};
  if (take("else")) skip_to({});
  const std::size_t end = std::exchange(at_, begin);
  Value value = either();
  if (at_ != condition) fail(fmt::format("\"{}\" here", shown_text(next()->text)));
  at_ = end;
  return value;
}

Value Expression::either() {
  Value value = both();
  while (take("or")) {
    if (truth(value)) {
      skip_to({"if", "else"});
    } else {
      value = both();
    }
  }
  return value;
}

Value Expression::both() {
  Value value = negation();
  while (take("and")) {
    if (truth(value)) {
      value = negation();
    } else {
      skip_to({"or", "if", "else"});
    }
  }
  return value;
}

Value Expression::negation() {
  bool holds = true;
  if (!next_is("not")) return comparison();
  while (take("not")) holds = !holds;
  return Value::of_bool(truth(comparison()) == holds);
}

Value Expression::comparison() {
  Value value = sum();
  const bool negates = next_is("!=") || next_is("not");
  if (take("==") || take("!=")) {
    value = Value::of_bool(equal(value, sum()) != negates);
  } else if (next_is("in") || next_is("not")) {
    take("not");
    expect("in");
    value = Value::of_bool(in_list(value) != negates);
  }
  return value;
}

bool Expression::in_list(const Value& value) {
  if (!take("[")) fail("\"in\" of what is not written as a list");
  bool is_found = false;
  while (!take("]")) {
    is_found = equal(value, sum()) || is_found;
    if (!next_is("]")) expect(",");
  }
  return is_found;
}

Value Expression::sum() {
  const OneDeeper deeper(depth_);
  if (depth_ > kMostDepth) fail("an expression nested more than 64 deep");
  Value value = concatenation();
  while (take("+")) value = joined(std::move(value), concatenation(), false);
  return value;
}

Value Expression::concatenation() {
  Value value = primary();
  while (take("~")) value = joined(std::move(value), primary(), true);
  return value;
}

Value Expression::primary() {
  if (next() == nullptr) fail("an expression that ends early");
  const Token& token = *next();
  ++at_;
  if (token.kind == Token::Kind::kString) return with_suffixes(Value::of_words(token.text));
  if (token.kind == Token::Kind::kInteger) return with_suffixes(Value::of_integer(token.integer));
  if (token.kind == Token::Kind::kName) return with_suffixes(named(token.text));
  if (token.is("-") && next() != nullptr && next()->kind == Token::Kind::kInteger) {
    return with_suffixes(Value::of_integer(-tokens_[at_++].integer));
  }
  if (!token.is("(")) fail(fmt::format("\"{}\" here", shown_text(token.text)));
  Value value = conditional();
  expect(")");
  return with_suffixes(std::move(value));
}

Value Expression::with_suffixes(Value value) {
  for (;;) {
    if (take(".")) {
      value = member(value, take_name("a dot without a name"));
    } else if (take("[")) {
      const Value index = sum();
      if (next_is(":")) fail("a slice");
      expect("]");
      value = index.is_words() ? member(value, index.words()) : element(value, index);
    } else if (take("|")) {
      value = filtered(std::move(value));
    } else if (take("is")) {
      value = tested(value);
    } else if (next_is("(")) {
      fail(fmt::format("the call {}()", shown_text(tokens_[at_ - 1].text)));
    } else {
      return value;
    }
  }
}

Value Expression::element(const Value& value, const Value& index) const {
  if (index.kind != Kind::kInteger || value.kind != Kind::kList) fail("this subscript");
  const auto size = static_cast<std::int64_t>(value.list.size());
  const std::int64_t at = index.integer < 0 ? index.integer + size : index.integer;
  return at < 0 || at >= size ? Value{} : value.list[static_cast<std::size_t>(at)];
}

Value Expression::member(const Value& value, std::string_view key) const {
  if (value.kind == Kind::kMessage) {
    if (key == "role") return value.list[0];
    if (key == "content") return value.list[1];
    return {};
  }
  if (value.kind == Kind::kLoop && key == "first") return value.list[0];
  if (value.kind == Kind::kLoop && key == "last") return value.list[1];
  const bool is_missing = value.kind == Kind::kUndefined;
  fail(fmt::format("\".{}\" of something that is {}", shown_text(key),
                   is_missing ? "undefined" : "not a message"));
}

Value Expression::named(std::string_view wanted) const {
  if (wanted == "true" || wanted == "True") return Value::of_bool(true);
  if (wanted == "false" || wanted == "False") return Value::of_bool(false);
  if (wanted == "none" || wanted == "None") return {.kind = Kind::kNone};
  for (std::size_t i = scopes_.size(); i-- > 0;) {
    if (const auto found = scopes_[i].find(wanted); found != scopes_[i].end()) return found->second;
  }
  return {};
}

bool Expression::truth(const Value& value) const {
  switch (value.kind) {
    case Kind::kUndefined:
    case Kind::kNone:
      return false;
    case Kind::kBool:
      return value.boolean;
    case Kind::kInteger:
      return value.integer != 0;
    case Kind::kList:
      return !value.list.empty();
    case Kind::kSelection:
      fail("a condition on a selection, which is true even if it is empty without \"| list\"");
    case Kind::kMessage:
    case Kind::kLoop:
      return true;
    case Kind::kText:
      break;
  }
  for (const PromptText& part : value.text) {
    // An instruction, if there is one, is not empty.
    if (!part.words.empty() || part.field == PromptField::kInstruction) return true;
  }
  if (!value.text.empty()) fail("what depends on whether a query or a document is empty");
  return false;
}

bool Expression::equal(const Value& a, const Value& b) const {
  if (a.is_text() && b.is_text()) {
    if (!a.is_words() || !b.is_words()) {
      fail("what depends on the text of an instruction, a query or a document");
    }
    return a.words() == b.words();
  }
  const auto is_number = [](const Value& v) { return v.kind == Kind::kBool || v.kind == Kind::kInteger; };
  if (a.kind != b.kind) {
    if (is_number(a) && is_number(b)) fail("a comparison of a number with true or false");
    return false;
  }
  if (!is_number(a) && a.kind != Kind::kUndefined && a.kind != Kind::kNone) {
    fail("a comparison of lists or messages");
  }
  return a.boolean == b.boolean && a.integer == b.integer;
}

Value Expression::joined(Value a, const Value& b, bool takes_undefined) const {
  for (const Value* value : {&std::as_const(a), &b}) {
    if (!value->is_text() && !(takes_undefined && value->kind == Kind::kUndefined)) {
      fail("text joined with something that is not text");
    }
  }
  a.kind = Kind::kText;
  a.text.insert(a.text.end(), b.text.begin(), b.text.end());
  std::size_t num_bytes = 0;
  for (const PromptText& part : a.text) num_bytes += part.words.size() + sizeof part;
  if (num_bytes > kMostTextBytes) fail("a text of more than 16 KiB");
  return a;
}

}  // namespace rerank::jinja
