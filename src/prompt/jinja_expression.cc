#include "prompt/jinja_expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/shown_text.h"

namespace rerank::jinja {
namespace {

using Kind = Value::Kind;

constexpr int kMostDepth = 32;
constexpr std::size_t kMostTextBytes = std::size_t{1} << 20;

}  // namespace

Value Expression::value() {
  Value value = conditional();
  if (next() != nullptr) fail(fmt::format("\"{}\" here", shown_text(next()->text)));
  return value;
}

bool Expression::is_true() {
  return truth(value());
}

bool Expression::take(std::string_view what) {
  if (!next_is(what)) return false;
  ++at_;
  return true;
}

void Expression::expect(std::string_view what) {
  if (!take(what)) fail(fmt::format("an expression without its \"{}\"", what));
}

void Expression::fail(std::string_view what) const {
  refuse(name_, line_, what);
}

Value Expression::cannot(std::string_view what) const {
  if (!passes_over_) fail(what);
  return {};
}

// The condition decides before what stands in front of it is computed.
Value Expression::conditional() {
  if (++depth_ > kMostDepth) fail("an expression nested that deep");
  const std::size_t begin = at_;
  const bool passed_over = std::exchange(passes_over_, true);
  either();
  passes_over_ = passed_over;
  Value value;
  if (take("if")) {
    const Value condition = either();
    const bool holds = passes_over_ || truth(condition);
    const std::size_t behind_condition = at_;
    if (!passes_over_ && holds) {
      at_ = begin;
      value = either();
      at_ = behind_condition;
    }
    if (take("else")) {
      passes_over_ = passed_over || holds;
      Value other = conditional();
      if (!passes_over_) value = std::move(other);
      passes_over_ = passed_over;
    }
  } else if (!passes_over_) {
    at_ = begin;
    value = either();
  }
  --depth_;
  return value;
}

Value Expression::either() {
  Value value = both();
  while (take("or")) {
    const bool passed_over = passes_over_;
    passes_over_ = passed_over || truth(value);
    Value other = both();
    if (!passes_over_) value = std::move(other);
    passes_over_ = passed_over;
  }
  return value;
}

Value Expression::both() {
  Value value = negation();
  while (take("and")) {
    const bool passed_over = passes_over_;
    passes_over_ = passed_over || !truth(value);
    Value other = negation();
    if (!passes_over_) value = std::move(other);
    passes_over_ = passed_over;
  }
  return value;
}

Value Expression::negation() {
  bool negates = false;
  bool is_plain = true;
  while (take("not")) {
    negates = !negates;
    is_plain = false;
  }
  Value value = comparison();
  return is_plain || passes_over_ ? value : Value::of_bool(truth(value) != negates);
}

Value Expression::comparison() {
  Value value = sum();
  for (;;) {
    const bool negates = next_is("!=") || next_is("not");
    if (take("==") || take("!=")) {
      const Value other = sum();
      value = Value::of_bool(passes_over_ || equal(value, other) != negates);
    } else if (next_is("in") || next_is("not")) {
      take("not");
      expect("in");
      const Value other = sum();
      if (passes_over_) continue;
      if (!other.is_list()) return cannot("\"in\" of what is no list");
      const bool found =
          std::ranges::any_of(other.list, [&](const Value& element) { return equal(value, element); });
      value = Value::of_bool(found != negates);
    } else {
      return value;
    }
  }
}

Value Expression::sum() {
  Value value = concatenation();
  while (take("+")) {
    const Value other = concatenation();
    if (!passes_over_) value = appended(value, other, true);
  }
  return value;
}

Value Expression::concatenation() {
  Value value = primary();
  while (take("~")) {
    const Value other = primary();
    if (!passes_over_) value = appended(value, other, false);
  }
  return value;
}

Value Expression::primary() {
  if (next() == nullptr) fail("an expression that ends early");
  const Token& token = *next();
  ++at_;
  switch (token.kind) {
    case Token::Kind::kString: {
      std::string words = token.text;
      while (next() != nullptr && next()->kind == Token::Kind::kString) words += tokens_[at_++].text;
      return with_suffixes(Value::of_words(std::move(words)));
    }
    case Token::Kind::kInteger:
      return with_suffixes(Value::of_integer(token.integer));
    case Token::Kind::kName:
      return with_suffixes(named(token.text));
    case Token::Kind::kOperator:
      break;
  }
  if (token.is("[")) return with_suffixes(list());
  if (token.is("(")) {
    Value value = conditional();
    expect(")");
    return with_suffixes(std::move(value));
  }
  if (token.is("-") && next() != nullptr && next()->kind == Token::Kind::kInteger) {
    return with_suffixes(Value::of_integer(-tokens_[at_++].integer));
  }
  fail(fmt::format("\"{}\" here", shown_text(token.text)));
}

Value Expression::list() {
  Value value{.kind = Kind::kList};
  while (!take("]")) {
    value.list.push_back(conditional());
    if (!next_is("]")) expect(",");
  }
  return value;
}

Value Expression::with_suffixes(Value value) {
  for (;;) {
    if (take(".")) {
      if (next() == nullptr || next()->kind != Token::Kind::kName) fail("a dot without a name");
      value = member(value, tokens_[at_++].text);
    } else if (take("[")) {
      value = subscript(value);
    } else if (take("|")) {
      value = filtered(std::move(value));
    } else if (take("is")) {
      value = tested(value);
    } else if (next_is("(")) {
      const std::string called = at_ > 0 ? tokens_[at_ - 1].text : "";
      fail(fmt::format("the call {}()", shown_text(called)));
    } else {
      return value;
    }
  }
}

Value Expression::subscript(const Value& value) {
  if (take(":")) return slice(value, 0);
  const Value index = conditional();
  if (take(":")) {
    if (!passes_over_ && index.kind != Kind::kInteger) return cannot("such a slice");
    return slice(value, index.integer);
  }
  expect("]");
  if (passes_over_) return {};
  if (index.is_words()) return member(value, index.words());
  if (index.kind != Kind::kInteger || !value.is_list()) return cannot("such a subscript");
  const auto size = static_cast<std::int64_t>(value.list.size());
  const std::int64_t at = index.integer < 0 ? index.integer + size : index.integer;
  return at < 0 || at >= size ? Value{} : value.list[static_cast<std::size_t>(at)];
}

Value Expression::slice(const Value& value, std::int64_t begin) {
  const Value end = next_is("]") ? Value{} : conditional();
  expect("]");
  if (passes_over_) return {};
  if (!value.is_list() || (end.kind != Kind::kInteger && end.kind != Kind::kUndefined)) {
    return cannot("such a slice");
  }
  const auto size = static_cast<std::int64_t>(value.list.size());
  const auto place = [size](std::int64_t i) {
    return std::clamp(i < 0 ? i + size : i, std::int64_t{0}, size);
  };
  const std::int64_t first = place(begin);
  const std::int64_t last = end.kind == Kind::kInteger ? place(end.integer) : size;
  Value part{.kind = Kind::kList};
  for (std::int64_t i = first; i < last; ++i) part.list.push_back(value.list[static_cast<std::size_t>(i)]);
  return part;
}

Value Expression::member(const Value& value, std::string_view key) const {
  if (passes_over_) return {};
  if (value.kind == Kind::kMessage) {
    if (key == "role") return value.list[0];
    if (key == "content") return value.list[1];
    return {};
  }
  if (value.kind == Kind::kLoop) {
    const auto size = static_cast<std::int64_t>(value.list.size());
    if (key == "first") return Value::of_bool(value.integer == 0);
    if (key == "last") return Value::of_bool(value.integer + 1 == size);
    if (key == "index") return Value::of_integer(value.integer + 1);
    if (key == "index0") return Value::of_integer(value.integer);
    if (key == "length") return Value::of_integer(size);
  }
  if (value.kind == Kind::kUndefined)
    return cannot(fmt::format("\".{}\" of what is not there", shown_text(key)));
  return cannot(fmt::format("\".{}\" of what is no message", shown_text(key)));
}

Value Expression::named(std::string_view wanted) const {
  if (passes_over_) return {};
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
    case Kind::kMessage:
    case Kind::kLoop:
      return true;
    case Kind::kText:
      break;
  }
  bool is_known = true;
  for (const PromptText& part : value.text) {
    // Where there is an instruction, it is not empty.
    if (!part.words.empty() || part.field == PromptField::kInstruction) return true;
    is_known = false;
  }
  if (!is_known && !passes_over_) fail("what depends on whether a query or a document is empty");
  return false;
}

bool Expression::equal(const Value& a, const Value& b) const {
  if (a.is_text() && b.is_text()) {
    if (!a.is_words() || !b.is_words())
      fail("what depends on the text of an instruction, a query or a document");
    return a.words() == b.words();
  }
  if (a.kind != b.kind) {
    const auto is_plain = [](const Value& v) { return v.kind != Kind::kBool && v.kind != Kind::kInteger; };
    if (!is_plain(a) && !is_plain(b)) fail("a comparison of a number with true or false");
    return false;
  }
  switch (a.kind) {
    case Kind::kUndefined:
    case Kind::kNone:
      return true;
    case Kind::kBool:
      return a.boolean == b.boolean;
    case Kind::kInteger:
      return a.integer == b.integer;
    default:
      fail("a comparison of lists or messages");
  }
}

Value Expression::appended(const Value& a, const Value& b, bool only_texts) const {
  if (only_texts && a.kind == Kind::kInteger && b.kind == Kind::kInteger) {
    if (std::max(a.integer, b.integer) > INT32_MAX) return cannot("a number out of range");
    return Value::of_integer(a.integer + b.integer);
  }
  const auto is_nothing = [&](const Value& v) { return !only_texts && v.kind == Kind::kUndefined; };
  if ((!a.is_text() && !is_nothing(a)) || (!b.is_text() && !is_nothing(b))) {
    return cannot("a text put together with what is no text");
  }
  Value joined{.kind = Kind::kText, .text = a.text};
  joined.text.insert(joined.text.end(), b.text.begin(), b.text.end());
  std::size_t num_bytes = 0;
  for (const PromptText& part : joined.text) num_bytes += part.words.size() + sizeof part;
  if (num_bytes > kMostTextBytes) return cannot("a text that long");
  return joined;
}

}  // namespace rerank::jinja
