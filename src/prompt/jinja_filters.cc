// The filters and tests of an expression.
#include <fmt/format.h>

#include "base/shown_text.h"
#include "prompt/jinja_expression.h"

namespace rerank::jinja {
namespace {

using Kind = Value::Kind;

}  // namespace

Value Expression::filtered(Value value) {
  if (next() == nullptr || next()->kind != Token::Kind::kName) fail("a bar without a filter");
  const std::string filter = tokens_[at_++].text;
  if (filter == "selectattr" || filter == "rejectattr") return selected(value, filter == "selectattr");
  if (filter == "map") return mapped(value);
  if (filter == "default" || filter == "d") return or_default(std::move(value));
  if (next_is("(")) fail(fmt::format("the filter {} with arguments", shown_text(filter)));
  if (passes_over_) return {};
  const bool is_list = value.is_list();
  if (is_list && filter == "list") return value;
  if (is_list && filter == "first") return value.list.empty() ? Value{} : value.list.front();
  if (is_list && filter == "last") return value.list.empty() ? Value{} : value.list.back();
  if (is_list && (filter == "length" || filter == "count")) {
    return Value::of_integer(static_cast<std::int64_t>(value.list.size()));
  }
  if (value.is_text() && filter == "string") return value;
  if (value.is_text() && !value.is_words()) {
    return cannot(
        fmt::format("the filter {} of a text that is not known before a request", shown_text(filter)));
  }
  return cannot(fmt::format("the filter {} here", shown_text(filter)));
}

// selectattr("role", "eq", ROLE)
Value Expression::selected(const Value& value, bool wanted) {
  expect("(");
  const Value attribute = conditional();
  expect(",");
  const Value test = conditional();
  expect(",");
  const Value role = conditional();
  expect(")");
  if (passes_over_) return {};
  const bool is_equality =
      test.is_words() && (test.words() == "eq" || test.words() == "equalto" || test.words() == "==");
  if (!value.is_list() || !attribute.is_words() || !is_equality)
    return cannot("a selection other than by role");
  Value chosen{.kind = Kind::kList};
  for (const Value& element : value.list) {
    if (equal(member(element, attribute.words()), role) == wanted) chosen.list.push_back(element);
  }
  return chosen;
}

// map(attribute="content")
Value Expression::mapped(const Value& value) {
  expect("(");
  if (!take("attribute")) fail("map without attribute=");
  expect("=");
  const Value attribute = conditional();
  expect(")");
  if (passes_over_) return {};
  if (!value.is_list() || !attribute.is_words()) return cannot("map of what is no list");
  Value mapped{.kind = Kind::kList};
  for (const Value& element : value.list) mapped.list.push_back(member(element, attribute.words()));
  return mapped;
}

// default(OTHER) and default(OTHER, true)
Value Expression::or_default(Value value) {
  Value other = Value::of_words("");
  bool replaces_false = false;
  if (take("(")) {
    other = conditional();
    if (take(",")) {
      if (take("boolean")) expect("=");
      const Value boolean = conditional();
      replaces_false = !passes_over_ && truth(boolean);
    }
    expect(")");
  }
  if (passes_over_) return {};
  return value.kind == Kind::kUndefined || (replaces_false && !truth(value)) ? other : value;
}

Value Expression::tested(const Value& value) {
  const bool negates = take("not");
  if (next() == nullptr || next()->kind != Token::Kind::kName) fail("\"is\" without a test");
  const std::string test = tokens_[at_++].text;
  bool holds = false;
  if (test == "defined") {
    holds = value.kind != Kind::kUndefined;
  } else if (test == "undefined") {
    holds = value.kind == Kind::kUndefined;
  } else if (test == "none" || test == "None") {
    holds = value.kind == Kind::kNone;
  } else if (test == "string") {
    holds = value.is_text();
  } else if (test == "mapping") {
    holds = value.kind == Kind::kMessage;
  } else {
    return cannot(fmt::format("the test \"is {}\"", shown_text(test)));
  }
  return Value::of_bool(holds != negates);
}

}  // namespace rerank::jinja
