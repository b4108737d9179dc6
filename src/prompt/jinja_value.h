// A value of an expression in a chat template. The texts of the pair are not known yet, so a text is a
// sequence of literal words and fields.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "prompt/prompt.h"

namespace rerank::jinja {

struct Value {
  enum class Kind {
    kUndefined,
    kNone,
    kBool,
    kInteger,
    kText,
    kList,       // of messages, or of their contents
    kSelection,  // Jinja's generator: iterable once, and true even if empty
    kMessage,
    kLoop
  } kind = Kind::kUndefined;
  bool boolean = false;
  std::int64_t integer = 0;
  std::vector<PromptText> text;  // words and field of each; nothing needs an instruction
  std::vector<Value> list;       // of a message: role and content; of a loop: first and last

  static Value of_bool(bool value) { return {.kind = Kind::kBool, .boolean = value}; }
  static Value of_integer(std::int64_t value) { return {.kind = Kind::kInteger, .integer = value}; }
  static Value of_words(std::string words) {
    Value value{.kind = Kind::kText};
    if (!words.empty()) value.text.push_back({std::move(words)});
    return value;
  }
  static Value of_field(PromptField field) { return {.kind = Kind::kText, .text = {{"", field}}}; }

  bool is_text() const { return kind == Kind::kText; }
  bool is_iterable() const { return kind == Kind::kList || kind == Kind::kSelection; }
  // Whether the text contains no field.
  bool is_words() const {
    if (!is_text()) return false;
    for (const PromptText& part : text) {
      if (part.field != PromptField::kNone) return false;
    }
    return true;
  }
  std::string words() const {  // REQUIRES: is_words()
    std::string all;
    for (const PromptText& part : text) all += part.words;
    return all;
  }
};

}  // namespace rerank::jinja
