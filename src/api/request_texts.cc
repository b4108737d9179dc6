#include "api/request_texts.h"

#include <fmt/format.h>

#include <array>
#include <boost/json/object.hpp>
#include <boost/json/serializer.hpp>
#include <boost/json/value.hpp>
#include <utility>

#include "api/api_error.h"
#include "api/field_reader.h"
#include "base/shown_text.h"
#include "text/strict_json.h"

namespace rerank::api {
namespace {

namespace json = boost::json;

[[noreturn]] void refuse(std::string_view path, std::string_view what) {
  throw ApiError(400, fmt::format("{} {}", path, what), path.substr(0, path.find_first_of(".[")));
}

std::string_view view(const json::string& text) {
  return {text.data(), text.size()};
}

// The text of a part of a "content" list.
std::string_view part_text(const json::value& part, std::string_view path) {
  if (part.is_string()) return view(part.get_string());
  const json::object* object = part.if_object();
  const json::value* type = object == nullptr ? nullptr : object->if_contains("type");
  const json::value* text = object == nullptr ? nullptr : object->if_contains("text");
  if (type != nullptr && (!type->is_string() || type->get_string() != "text")) {
    const std::string given =
        type->is_string() ? '"' + shown_text(view(type->get_string())) + '"' : std::string(kind_of(*type));
    refuse(path, fmt::format("has a part of type {}; this model reads parts of type \"text\" only", given));
  }
  if (text == nullptr || !text->is_string()) refuse(path, R"(has a part without "text")");
  return view(text->get_string());
}

// A text of several parts, one per line, in a single allocation: the parts are counted first.
class LinesText {
 public:
  void count(std::size_t part_bytes) { num_bytes_ += part_bytes + 1; }
  void begin(Allowance& allowance) {
    allowance.take(held_bytes(num_bytes_));
    text_.reserve(num_bytes_);
  }
  void begin_line() {
    if (!text_.empty()) text_ += '\n';
  }
  void append(std::string_view part) { text_ += part; }
  std::string take() { return std::move(text_); }

 private:
  std::size_t num_bytes_ = 0;
  std::string text_;
};

// Calls `visit` with successive pieces of the JSON of `value`.
template <typename Visit>
void serialize(const json::value& value, Visit&& visit) {
  json::serializer serializer;
  serializer.reset(&value);
  std::array<char, 4096> buffer;
  while (!serializer.done()) {
    const json::string_view piece = serializer.read(buffer.data(), buffer.size());
    visit(std::string_view(piece.data(), piece.size()));
  }
}

// A string unchanged, any other value as JSON.
template <typename Visit>
void read_field(const json::value& value, Visit&& visit) {
  if (value.is_string()) return visit(view(value.get_string()));
  serialize(value, visit);
}

std::string ranked_fields(const json::object& object, std::string_view path, const TextRules& rules) {
  LinesText text;
  bool has_any = false;
  const auto for_each_field = [&](auto&& visit) {
    for (const std::string_view field : rules.rank_fields) {
      const json::value* value = object.if_contains({field.data(), field.size()});
      if (value != nullptr && !value->is_null()) visit(*value);
    }
  };
  for_each_field([&](const json::value& value) {
    has_any = true;
    text.count(0);
    read_field(value, [&](std::string_view piece) { text.count(piece.size()); });
  });
  if (!has_any) refuse(path, "has none of the fields that rank_fields names");
  text.begin(rules.allowance);
  for_each_field([&](const json::value& value) {
    text.begin_line();
    read_field(value, [&](std::string_view piece) { text.append(piece); });
  });
  return text.take();
}

std::string text_of_parts(const json::array& parts, std::string_view path, Allowance& allowance) {
  LinesText text;
  for (const json::value& part : parts) text.count(part_text(part, path).size());
  text.begin(allowance);
  for (const json::value& part : parts) {
    text.begin_line();
    text.append(part_text(part, path));
  }
  return text.take();
}

std::string copy_of(const json::string& text, Allowance& allowance) {
  allowance.take(held_bytes(text.size()));
  return {text.data(), text.size()};
}

std::string object_text(const json::object& object, std::string_view path, const TextRules& rules) {
  if (!rules.rank_fields.empty()) return ranked_fields(object, path, rules);
  if (const json::value* text = object.if_contains("text"); text != nullptr && text->is_string()) {
    return copy_of(text->get_string(), rules.allowance);
  }
  const json::value* content = object.if_contains("content");
  if (content != nullptr && content->is_string()) return copy_of(content->get_string(), rules.allowance);
  if (content == nullptr || !content->is_array()) {
    refuse(path, R"(is an object without a string "text"; say in rank_fields which of its fields to read)");
  }
  return text_of_parts(content->get_array(), path, rules.allowance);
}

// The list whose elements are texts; nullptr for a value that is one text.
const json::array* list_in(const json::value& value, const TextRules& rules) {
  if (value.is_array()) return &value.get_array();
  if (!value.is_object() || !rules.rank_fields.empty() || value.get_object().contains("text")) return nullptr;
  const json::value* content = value.get_object().if_contains("content");
  return content == nullptr ? nullptr : content->if_array();
}

}  // namespace

std::string text_of(const json::value& value, std::string_view path, const TextRules& rules) {
  if (value.is_string()) return copy_of(value.get_string(), rules.allowance);
  if (value.is_object()) return object_text(value.get_object(), path, rules);
  refuse(path, fmt::format(R"(must be a string or an object with "text", not {})", kind_of(value)));
}

std::vector<std::string> texts_of(const json::value& value, std::string_view path, const TextRules& rules) {
  const json::array* list = list_in(value, rules);
  if (list == nullptr) return {text_of(value, path, rules)};
  if (rules.max_texts != 0 && list->size() > rules.max_texts) {
    refuse(path,
           fmt::format("has {} entries, more than the {} that one request may have; send several requests",
                       list->size(), rules.max_texts));
  }
  std::vector<std::string> texts;
  texts.reserve(list->size());
  for (const json::value& element : *list) {
    if (element.is_string()) {
      texts.push_back(copy_of(element.get_string(), rules.allowance));
    } else {
      texts.push_back(text_of(element, fmt::format("{}[{}]", path, texts.size()), rules));
    }
  }
  return texts;
}

}  // namespace rerank::api
