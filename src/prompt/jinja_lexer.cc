#include "prompt/jinja_lexer.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "base/ascii.h"
#include "base/shown_text.h"
#include "rerank/error.h"

namespace rerank::jinja {
namespace {

constexpr std::string_view kSpace = " \t\n\r\f\v\x1c\x1d\x1e\x1f";  // what Python strips, in ASCII
// The non-ASCII white space that Python strips too; rejected where it would be stripped.
constexpr std::string_view kWideSpace[] = {"\xc2\x85",     "\xc2\xa0",     "\xe1\x9a\x80", "\xe2\x80\x80",
                                           "\xe2\x80\x81", "\xe2\x80\x82", "\xe2\x80\x83", "\xe2\x80\x84",
                                           "\xe2\x80\x85", "\xe2\x80\x86", "\xe2\x80\x87", "\xe2\x80\x88",
                                           "\xe2\x80\x89", "\xe2\x80\x8a", "\xe2\x80\xa8", "\xe2\x80\xa9",
                                           "\xe2\x80\xaf", "\xe2\x81\x9f", "\xe3\x80\x80"};

bool begins_name(char c) {
  return is_letter(c) || c == '_';
}

// Replaces \r\n and \r by \n and drops the last newline.
std::string with_plain_newlines(std::string_view text) {
  std::string plain;
  plain.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\r' && i + 1 < text.size() && text[i + 1] == '\n') continue;
    plain += text[i] == '\r' ? '\n' : text[i];
  }
  if (plain.ends_with('\n')) plain.pop_back();
  return plain;
}

class Lexer {
 public:
  Lexer(std::string_view text, std::string_view name) : text_(with_plain_newlines(text)), name_(name) {}

  std::vector<Node> read() {
    while (at_ < text_.size()) {
      const std::size_t open = find_open();
      add_text(open);
      if (open == std::string::npos) break;
      const char mark = text_[open + 1];
      move_to(open + 2);
      if (at_ < text_.size() && (text_[at_] == '-' || text_[at_] == '+')) move_to(at_ + 1);
      if (mark == '#') {
        read_comment();
      } else {
        read_tag(mark);
      }
    }
    return std::move(nodes_);
  }

 private:
  std::size_t find_open() const {
    for (std::size_t i = at_; (i = text_.find('{', i)) != std::string::npos; ++i) {
      if (i + 1 < text_.size() && (text_[i + 1] == '{' || text_[i + 1] == '%' || text_[i + 1] == '#'))
        return i;
    }
    return std::string::npos;
  }

  void move_to(std::size_t to) {
    line_ += static_cast<int>(std::count(text_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         text_.begin() + static_cast<std::ptrdiff_t>(to), '\n'));
    at_ = to;
  }

  // Adds the text before the tag at `open`, or the rest, without the white space that the tag strips.
  void add_text(std::size_t open) {
    const bool is_rest = open == std::string::npos;
    std::string_view text = std::string_view(text_).substr(at_, is_rest ? open : open - at_);
    const std::size_t size = text.size();
    const char sign = !is_rest && open + 2 < text_.size() ? text_[open + 2] : ' ';
    if (!is_rest && (sign == '-' || (sign != '+' && text_[open + 1] != '{'))) {
      const std::size_t num_kept = text.find_last_not_of(kSpace) + 1;
      const std::size_t line_start = text.rfind('\n') + 1;
      refuse_wide_space(true, text.substr(0, num_kept));
      if (sign == '-') {
        text = text.substr(0, num_kept);
      } else if (num_kept <= line_start && (line_start > 0 || starts_line_)) {
        text = text.substr(0, line_start);
      }
    }
    if (!text.empty()) nodes_.push_back({Node::Kind::kText, line_, std::string(text), {}});
    move_to(at_ + size);
  }

  void refuse_wide_space(bool is_at_end, std::string_view text) const {
    for (const std::string_view space : kWideSpace) {
      if (is_at_end ? text.ends_with(space) : text.starts_with(space)) {
        refuse(name_, line_, "white space beyond ASCII beside a tag that strips it");
      }
    }
  }

  // Called after a tag's end; `sign` is its first character.
  void end_tag(char sign, bool trims_newline) {
    const std::size_t begin = at_;
    if (sign == '-') {
      move_to(std::min(text_.find_first_not_of(kSpace, at_), text_.size()));
      refuse_wide_space(false, std::string_view(text_).substr(at_));
    } else if (sign != '+' && trims_newline && at_ < text_.size() && text_[at_] == '\n') {
      move_to(at_ + 1);
    }
    starts_line_ = at_ > begin && text_[at_ - 1] == '\n';
  }

  void read_comment() {
    const std::size_t end = text_.find("#}", at_);
    if (end == std::string::npos) refuse(name_, line_, "a comment without its end");
    const char sign = end > at_ ? text_[end - 1] : ' ';
    move_to(end + 2);
    end_tag(sign, true);
  }

  void read_tag(char mark) {
    const bool is_output = mark == '{';
    const std::string_view end = is_output ? "}}" : "%}";
    Node node{is_output ? Node::Kind::kOutput : Node::Kind::kStatement, line_, "", {}};
    for (;;) {
      move_to(std::min(text_.find_first_not_of(kSpace, at_), text_.size()));
      const std::string_view rest = std::string_view(text_).substr(at_);
      if (rest.empty()) refuse(name_, node.line, "a tag without its end");
      const bool has_sign =
          rest.substr(1).starts_with(end) && (rest[0] == '-' || (rest[0] == '+' && !is_output));
      if (has_sign || rest.starts_with(end)) {
        move_to(at_ + (has_sign ? 3 : 2));
        end_tag(has_sign ? rest[0] : ' ', !is_output);
        break;
      }
      node.tokens.push_back(read_token(rest));
    }
    if (node.is_statement("raw")) refuse(name_, node.line, "{% raw %}");
    nodes_.push_back(std::move(node));
  }

  Token read_token(std::string_view rest) {
    const char c = rest[0];
    if (c == '\'' || c == '"') return read_string(c);
    std::size_t size = 1;
    if (begins_name(c)) {
      while (size < rest.size() && (begins_name(rest[size]) || is_digit(rest[size]))) ++size;
    } else if (is_digit(c)) {
      while (size < rest.size() && is_digit(rest[size])) ++size;
    } else {
      for (const std::string_view two : {"==", "!=", "<=", ">=", "//", "**"}) {
        if (rest.starts_with(two)) size = 2;
      }
    }
    Token token{Token::Kind::kOperator, std::string(rest.substr(0, size)), 0};
    if (begins_name(c)) token.kind = Token::Kind::kName;
    if (is_digit(c)) {
      token.kind = Token::Kind::kInteger;
      if (std::from_chars(rest.data(), rest.data() + size, token.integer).ec != std::errc()) {
        refuse(name_, line_, "a number out of range");
      }
    }
    move_to(at_ + size);
    return token;
  }

  Token read_string(char quote) {
    Token token{Token::Kind::kString, "", 0};
    const int line = line_;
    std::size_t i = at_ + 1;
    for (; i < text_.size() && text_[i] != quote; ++i) {
      if (text_[i] != '\\') {
        token.text += text_[i];
        continue;
      }
      const char escaped = ++i < text_.size() ? text_[i] : ' ';
      constexpr std::string_view kEscapes = "ntr\\'\"";
      const std::size_t known = kEscapes.find(escaped);
      if (known == std::string_view::npos) {
        refuse(name_, line, fmt::format("the escape \\{} in a string", shown_text(std::string(1, escaped))));
      }
      token.text += "\n\t\r\\'\""[known];
    }
    if (i >= text_.size()) refuse(name_, line, "a string without its end");
    move_to(i + 1);
    return token;
  }

  const std::string text_;
  const std::string_view name_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool starts_line_ = true;  // only blanks so far in this line
  std::vector<Node> nodes_;
};

}  // namespace

void refuse(std::string_view name, int line, std::string_view what) {
  throw Error(
      ErrorCode::kUnsupported,
      fmt::format("{}: line {}: {}: not supported in a chat template; write a prompt file beside the model, "
                  "tools/chat_template_to_prompt.py makes one from most templates",
                  name, line, what));
}

std::vector<Node> read_nodes(std::string_view text, std::string_view name) {
  return Lexer(text, name).read();
}

}  // namespace rerank::jinja
