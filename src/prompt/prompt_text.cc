#include "prompt/prompt_text.h"

#include <fmt/format.h>

#include "base/nearest_name.h"
#include "base/shown_text.h"
#include "prompt/split_prompt.h"
#include "rerank/error.h"

namespace rerank {
namespace {

constexpr std::string_view kIf = "if instruction";
constexpr std::string_view kEnd = "end";

struct Placeholder {
  PromptField field;
  std::string_view name;
};
constexpr Placeholder kPlaceholders[] = {{PromptField::kInstruction, "instruction"},
                                         {PromptField::kQuery, "query"},
                                         {PromptField::kDocument, "document"}};

class PromptTextParser {
 public:
  PromptTextParser(std::string_view text, std::string_view name) : text_(text), name_(name) {}

  std::vector<PromptText> parse() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c != '{' && c != '}') {
        words_ += c;
        ++at_;
      } else if (text_.substr(at_ + 1).starts_with(c)) {
        words_ += c;
        at_ += 2;
      } else if (c == '{') {
        read_mark();
      } else {
        refuse("a closing brace without an opening one; write }} for a brace");
      }
    }
    if (is_optional_) refuse("{if instruction} without {end}");
    flush(PromptField::kNone);
    return joined_texts(texts_);
  }

 private:
  [[noreturn]] void refuse(std::string_view what) const {
    throw Error(ErrorCode::kInvalidArgument, fmt::format("{}: at byte {}: {}", name_, at_, what));
  }

  void flush(PromptField field) {
    texts_.push_back({std::move(words_), field, is_optional_});
    words_.clear();
  }

  void read_mark() {
    const std::size_t end = text_.find('}', at_);
    if (end == std::string_view::npos) refuse("an opening brace without a closing one; write {{ for a brace");
    const std::string_view placeholder = text_.substr(at_ + 1, end - at_ - 1);
    if (placeholder == kIf || placeholder == kEnd) {
      if (is_optional_ == (placeholder == kIf)) {
        refuse(is_optional_ ? "{if instruction} inside another" : "{end} without {if instruction}");
      }
      flush(PromptField::kNone);
      is_optional_ = !is_optional_;
    } else {
      flush(field_of(placeholder));
    }
    at_ = end + 1;
  }

  PromptField field_of(std::string_view placeholder) const {
    for (const Placeholder& known : kPlaceholders) {
      if (placeholder != known.name) continue;
      if (is_optional_ && known.field != PromptField::kInstruction) {
        refuse(
            fmt::format("{{{}}} between {{if instruction}} and {{end}}, which may be left out", placeholder));
      }
      return known.field;
    }
    refuse(fmt::format(
        "unknown placeholder {{{}}}; the placeholders are {{instruction}}, {{query}}, {{document}}, "
        "{{if instruction}} and {{end}}, and {{{{ is a brace{}",
        shown_text(placeholder), suggestion(placeholder, {"instruction", "query", "document"})));
  }

  const std::string_view text_;
  const std::string_view name_;
  std::size_t at_ = 0;
  std::string words_;
  bool is_optional_ = false;
  std::vector<PromptText> texts_;
};

}  // namespace

std::vector<PromptText> parse_prompt_text(std::string_view text, std::string_view name) {
  return PromptTextParser(text, name).parse();
}

std::string print_prompt_text(const std::vector<PromptText>& texts) {
  std::string printed;
  bool is_optional = false;
  const auto switch_to = [&](bool optional) {
    if (optional != is_optional) printed += fmt::format("{{{}}}", optional ? kIf : kEnd);
    is_optional = optional;
  };
  for (const PromptText& text : texts) {
    switch_to(text.needs_instruction);
    for (const char c : text.words) printed.append(c == '{' || c == '}' ? 2 : 1, c);
    for (const Placeholder& placeholder : kPlaceholders) {
      if (text.field == placeholder.field) printed += fmt::format("{{{}}}", placeholder.name);
    }
  }
  switch_to(false);
  return printed;
}

}  // namespace rerank
