#include "api/request_texts.h"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include "api/api_error.h"
#include "api/field_reader.h"
#include "api/utf8_text.h"

namespace rerank::api {
namespace {

namespace json = boost::json;

[[noreturn]] void refuse(std::string_view path, std::string_view what) {
  throw ApiError(400, fmt::format("{} {}", path, what), path.substr(0, path.find_first_of(".[")));
}

std::string_view view(const json::string& text) {
  return {text.data(), text.size()};
}

// The text of one part of a "content" list.
std::string_view part_text(const json::value& part, std::string_view path) {
  if (part.is_string()) return view(part.get_string());
  const json::object* object = part.if_object();
  const json::value* type = object == nullptr ? nullptr : object->if_contains("type");
  const json::value* text = object == nullptr ? nullptr : object->if_contains("text");
  if (type != nullptr && (!type->is_string() || type->get_string() != "text")) {
    refuse(path, fmt::format("has a part of type {}; this model reads parts of type \"text\" only",
                             shown(json::serialize(*type))));
  }
  if (text == nullptr || !text->is_string()) refuse(path, R"(has a part without "text")");
  return view(text->get_string());
}

void append_line(std::string& text, std::string_view line) {
  if (!text.empty()) text += '\n';
  text += line;
}

std::string ranked_fields(const json::object& object, std::string_view path,
                          const std::vector<std::string>& fields) {
  std::string text;
  bool has_any = false;
  for (const std::string& field : fields) {
    const json::value* value = object.if_contains(field);
    if (value == nullptr || value->is_null()) continue;
    has_any = true;
    append_line(text, value->is_string() ? view(value->get_string()) : json::serialize(*value));
  }
  if (!has_any) refuse(path, "has none of the fields that rank_fields names");
  return text;
}

std::string object_text(const json::object& object, std::string_view path, const TextRules& rules) {
  if (!rules.rank_fields.empty()) return ranked_fields(object, path, rules.rank_fields);
  if (const json::value* text = object.if_contains("text"); text != nullptr && text->is_string()) {
    return std::string(view(text->get_string()));
  }
  const json::value* content = object.if_contains("content");
  if (content != nullptr && content->is_string()) return std::string(view(content->get_string()));
  if (content == nullptr || !content->is_array()) {
    refuse(path, R"(is an object without a string "text"; say in rank_fields which of its fields to read)");
  }
  std::string text;
  for (const json::value& part : content->get_array()) append_line(text, part_text(part, path));
  return text;
}

// The list that stands for one text an element; null for a value that is one text.
const json::array* list_in(const json::value& value, const TextRules& rules) {
  if (value.is_array()) return &value.get_array();
  if (!value.is_object() || !rules.rank_fields.empty() || value.get_object().contains("text")) return nullptr;
  const json::value* content = value.get_object().if_contains("content");
  return content == nullptr ? nullptr : content->if_array();
}

}  // namespace

std::string text_of(const json::value& value, std::string_view path, const TextRules& rules) {
  if (value.is_string()) return std::string(view(value.get_string()));
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
      texts.emplace_back(view(element.get_string()));
    } else {
      texts.push_back(text_of(element, fmt::format("{}[{}]", path, texts.size()), rules));
    }
  }
  return texts;
}

}  // namespace rerank::api
