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
constexpr int kMostSteps = 10'000;
constexpr std::size_t kMostBytes = std::size_t{1} << 20;

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

  // The first node behind `at` that belongs to its block: elif, else, or its end.
  std::size_t next_part(std::size_t at, std::size_t end) const {
    int depth = 0;
    for (std::size_t i = at + 1; i < end; ++i) {
      const Node& node = nodes_[i];
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
      if (++num_steps_ > kMostSteps) fail(node, "that many steps");
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
      if (num_bytes_ > kMostBytes) fail(node, "a prompt that long");
      output_.push_back(part);
    }
  }

  void write_value(const Value& value, const Node& node) {
    if (value.kind == Value::Kind::kUndefined) return;
    if (value.kind == Value::Kind::kInteger) return write({{std::to_string(value.integer)}}, node);
    if (!value.is_text()) fail(node, "an output of what is no text");
    write(value.text, node);
  }

  void assign(const Node& node) {
    if (node.tokens.size() < 4 || node.tokens[1].kind != Token::Kind::kName || !node.tokens[2].is("=")) {
      fail(node, "{% set %} of other than one name");
    }
    scopes_.back()[node.tokens[1].text] = expression(node, 3).value();
  }

  // Each returns where its block ends.
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
      fail(node, "a loop of more than one name");
    }
    const Value list = expression(node, 3).value();
    if (!list.is_list()) fail(node, "a loop over what is no list");
    Value loop{.kind = Value::Kind::kLoop, .list = list.list};
    for (const Value& element : list.list) {
      scopes_.push_back({{node.tokens[1].text, element}, {"loop", loop}});
      run(at + 1, behind);
      scopes_.pop_back();
      ++loop.integer;
    }
    --depth_;
    return behind;
  }

  void enter(const Node& node) {
    if (++depth_ > kMostDepth) fail(node, "blocks nested that deep");
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
