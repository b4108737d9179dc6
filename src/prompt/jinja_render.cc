#include "prompt/jinja_render.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>
#include <utility>

#include "base/shown_text.h"
#include "prompt/jinja_expression.h"

namespace rerank::jinja {
namespace {

constexpr int kMostDepth = 16;
constexpr int kMostSteps = 30'000;
constexpr std::size_t kMostBytes = std::size_t{1} << 18;

class Renderer {
 public:
  Renderer(const std::vector<Node>& nodes, std::map<std::string, Value, std::less<>> variables,
           std::string_view name)
      : nodes_(nodes), name_(name) {
    scopes_.push_back(std::move(variables));
  }

  std::vector<PromptText> render() {
    run(0, nodes_.size());
    return std::move(output_);
  }

 private:
  static bool opens(const Node& node) {
    // A `set` without `=` has a body.
    if (node.is_statement("set"))
      return std::ranges::none_of(node.tokens, [](const Token& t) { return t.is("="); });
    return std::ranges::any_of(kBlocks, [&](std::string_view block) { return node.is_statement(block); });
  }

  static bool closes(const Node& node) {
    return node.kind == Node::Kind::kStatement && !node.tokens.empty() &&
           node.tokens.front().kind == Token::Kind::kName && node.tokens.front().text.starts_with("end");
  }

  // The first node after `at` that belongs to its block: elif or else, or its end.
  std::size_t next_part(std::size_t at, std::size_t end) {
    int depth = 0;
    for (std::size_t i = at + 1; i < end; ++i) {
      const Node& node = nodes_[i];
      count_step(node);
      const bool is_part = node.is_statement("elif") || node.is_statement("else") || closes(node);
      if (depth == 0 && is_part) return i;
      depth += opens(node) ? 1 : 0;
      depth -= closes(node) ? 1 : 0;
    }
    fail(nodes_[at], "a block without its end");
  }

  [[noreturn]] void fail(const Node& node, std::string_view what) const { refuse(name_, node.line, what); }

  Expression expression(const Node& node, std::size_t first) const {
    return {std::span(node.tokens).subspan(std::min(first, node.tokens.size())), scopes_, name_, node.line};
  }

  void run(std::size_t begin, std::size_t end) {
    for (std::size_t i = begin; i < end; ++i) {
      const Node& node = nodes_[i];
      count_step(node);
      if (node.kind == Node::Kind::kText) {
        write({{node.text}}, node);
      } else if (node.kind == Node::Kind::kOutput) {
        write_value(expression(node, 0).value(), node);
      } else if (node.is_statement("set")) {
        assign(node);
      } else if (node.is_statement("if")) {
        i = run_if(i, end);
      } else if (node.is_statement("for")) {
        i = run_for(i, end);
      } else {
        fail(node, node.tokens.empty() ? "an empty statement"
                                       : fmt::format("{{% {} %}}", shown_text(node.tokens.front().text)));
      }
    }
  }

  void write(const std::vector<PromptText>& text, const Node& node) {
    for (const PromptText& part : text) {
      num_bytes_ += part.words.size() + 1;
      if (num_bytes_ > kMostBytes) fail(node, "a prompt of more than 256 KiB");
      output_.push_back(part);
    }
  }

  void write_value(const Value& value, const Node& node) {
    if (value.kind == Value::Kind::kUndefined) return;
    if (!value.is_text()) fail(node, "an output that is not text");
    write(value.text, node);
  }

  void assign(const Node& node) {
    if (node.tokens.size() < 4 || node.tokens[1].kind != Token::Kind::kName || !node.tokens[2].is("=")) {
      fail(node, "{% set %} of something other than one variable");
    }
    Value value = expression(node, 3).value();
    if (value.kind == Value::Kind::kSelection)
      fail(node, "{% set %} of a selection, which can be read only once without \"| list\"");
    scopes_.back()[node.tokens[1].text] = std::move(value);
  }

  // Each returns the end of its block.
  std::size_t run_if(std::size_t at, std::size_t end) {
    enter(nodes_[at]);
    bool is_done = false;
    for (;;) {
      const Node& node = nodes_[at];
      const bool is_else = node.is_statement("else");
      const std::size_t next = next_part(at, end);
      if (!is_done && (is_else || expression(node, 1).is_true())) {
        run(at + 1, next);
        is_done = true;
      }
      at = next;
      if (nodes_[at].is_statement("endif")) break;
      if (closes(nodes_[at]) || is_else) fail(nodes_[at], "a block that ends as another");
    }
    --depth_;
    return at;
  }

  std::size_t run_for(std::size_t at, std::size_t end) {
    const Node& node = nodes_[at];
    enter(node);
    const std::size_t behind = next_part(at, end);
    if (!nodes_[behind].is_statement("endfor")) fail(nodes_[behind], "this part of a loop");
    if (node.tokens.size() < 4 || node.tokens[1].kind != Token::Kind::kName || !node.tokens[2].is("in")) {
      fail(node, "a loop with more than one variable");
    }
    const Value value = expression(node, 3).value_without_if();
    if (!value.is_iterable()) fail(node, "a loop over something that is not a list");
    const std::vector<Value>& list = value.list;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const Value loop{.kind = Value::Kind::kLoop,
                       .list = {Value::of_bool(i == 0), Value::of_bool(i + 1 == list.size())}};
      scopes_.push_back({{"loop", loop}});
      scopes_.back()[node.tokens[1].text] = list[i];
      run(at + 1, behind);
      scopes_.pop_back();
    }
    --depth_;
    return behind;
  }

  void count_step(const Node& node) {
    if (++num_steps_ > kMostSteps) fail(node, "more steps than any reranker's template needs");
  }

  void enter(const Node& node) {
    if (++depth_ > kMostDepth) fail(node, "blocks nested more than 16 deep");
  }

  static constexpr std::string_view kBlocks[] = {"if",    "for",  "macro",      "call",      "filter",
                                                 "block", "with", "autoescape", "generation"};

  const std::vector<Node>& nodes_;
  const std::string_view name_;
  Scopes scopes_;
  std::vector<PromptText> output_;
  std::size_t num_bytes_ = 0;
  int num_steps_ = 0;
  int depth_ = 0;
};

}  // namespace

std::vector<PromptText> render(const std::vector<Node>& nodes,
                               std::map<std::string, Value, std::less<>> variables, std::string_view name) {
  return Renderer(nodes, std::move(variables), name).render();
}

}  // namespace rerank::jinja
