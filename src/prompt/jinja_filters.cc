// The filters and tests of an expression.
#include <fmt/format.h>

#include "base/shown_text.h"
#include "prompt/jinja_expression.h"

namespace rerank::jinja {

using Kind = Value::Kind;

Value Expression::filtered(Value value) {
  const std::string filter = take_name("\"|\" without a filter");
  if (filter == "selectattr") return selected(value);
  if (filter == "map") return mapped(value);
  if (filter == "default") return or_default(value);
  if (next_is("(")) fail(fmt::format("the filter {} with arguments", shown_text(filter)));
  if (value.is_iterable()) {
    if (filter == "first") return value.list.empty() ? Value{} : value.list.front();
    if (filter == "list") {
      value.kind = Kind::kList;
      return value;
    }
  }
  if (value.kind == Kind::kList) {
    if (filter == "last") return value.list.empty() ? Value{} : value.list.back();
    if (filter == "length") return Value::of_integer(static_cast<std::int64_t>(value.list.size()));
  }
  const bool is_unknown = value.is_text() && !value.is_words();
  fail(fmt::format("the filter {} {}", shown_text(filter),
                   is_unknown ? "of a text that is not known before a request" : "here"));
}

// selectattr("role", "eq", ROLE)
Value Expression::selected(const Value& value) {
  expect("(");
  const Value attribute = sum();
  expect(",");
  const Value test = sum();
  expect(",");
  const Value role = sum();
  expect(")");
  const bool is_equality =
      test.is_words() && (test.words() == "eq" || test.words() == "equalto" || test.words() == "==");
  if (!value.is_iterable() || !attribute.is_words() || !is_equality)
    fail("a selection other than by equality");
  Value chosen{.kind = Kind::kSelection};
  for (const Value& element : value.list) {
    if (equal(member(element, attribute.words()), role)) chosen.list.push_back(element);
  }
  return chosen;
}

// map(attribute="content")
Value Expression::mapped(const Value& value) {
  expect("(");
  if (!take("attribute")) fail("map without attribute=");
  expect("=");
  const Value attribute = sum();
  expect(")");
  if (!value.is_iterable() || !attribute.is_words()) fail("map of something that is not a list");
  Value mapped{.kind = Kind::kSelection};
  for (const Value& element : value.list) mapped.list.push_back(member(element, attribute.words()));
  return mapped;
}

// default(OTHER) and default(OTHER, true)
Value Expression::or_default(const Value& value) {
  expect("(");
  Value other = conditional();
  bool replaces_false = false;
  if (take(",")) {
    if (take("boolean")) expect("=");
    replaces_false = truth(sum());
  }
  expect(")");
  return value.kind == Kind::kUndefined || (replaces_false && !truth(value)) ? other : value;
}

Value Expression::tested(const Value& value) {
  const bool negates = take("not");
  const std::string test = take_name("\"is\" without a test");
  bool holds = false;
  if (test == "defined") {
    holds = value.kind != Kind::kUndefined;
  } else if (test == "undefined") {
    holds = value.kind == Kind::kUndefined;
  } else if (test == "none") {
    holds = value.kind == Kind::kNone;
  } else if (test == "string") {
    holds = value.is_text();
  } else {
    fail(fmt::format("the test \"is {}\"", shown_text(test)));
  }
  return Value::of_bool(holds != negates);
}

}  // namespace rerank::jinja
