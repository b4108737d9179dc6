// Typed access to a JSON value, with messages that say where it stands.
#include "tokenizer/json_node.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/shown_text.h"

namespace rerank {

void JsonNode::refuse(std::string_view what, ErrorCode code) const {
  constexpr size_t kMostBytes = 800;
  throw Error(code, fmt::format("{}: {}", file_,
                                shown_text(fmt::format("{}{}{}", path_, path_.empty() ? "" : " ", what),
                                           kMostBytes)));
}

std::optional<JsonNode> JsonNode::find(std::string_view key) const {
  const boost::json::value* member = object().if_contains(key);
  if (member == nullptr || member->is_null()) return std::nullopt;
  return JsonNode(*member, file_, path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key));
}

JsonNode JsonNode::at(std::string_view key) const {
  std::optional<JsonNode> member = find(key);
  if (!member) refuse(fmt::format("lacks the key \"{}\"", key), ErrorCode::kInvalidArgument);
  return *member;
}

JsonNode JsonNode::element(size_t index) const {
  return JsonNode(array()[index], file_, fmt::format("{}[{}]", path_, index));
}

const boost::json::object& JsonNode::object() const {
  if (!value_->is_object()) refuse("should be an object, not " + quoted(), ErrorCode::kInvalidArgument);
  return value_->get_object();
}

const boost::json::array& JsonNode::array() const {
  if (!value_->is_array()) refuse("should be an array, not " + quoted(), ErrorCode::kInvalidArgument);
  return value_->get_array();
}

std::string_view JsonNode::string() const {
  if (!value_->is_string()) refuse("should be a string, not " + quoted(), ErrorCode::kInvalidArgument);
  return value_->get_string();
}

bool JsonNode::boolean() const {
  if (!value_->is_bool()) refuse("should be true or false, not " + quoted(), ErrorCode::kInvalidArgument);
  return value_->get_bool();
}

int64_t JsonNode::integer() const {
  if (!value_->is_int64()) refuse("should be an integer, not " + quoted(), ErrorCode::kInvalidArgument);
  return value_->get_int64();
}

bool JsonNode::boolean_or(std::string_view key, bool otherwise) const {
  std::optional<JsonNode> member = find(key);
  return member ? member->boolean() : otherwise;
}

void JsonNode::allow_only(std::initializer_list<std::string_view> known) const {
  for (const auto& member : object()) {
    std::string_view key = member.key();
    if (std::find(known.begin(), known.end(), key) == known.end()) {
      refuse(fmt::format(
          "has the key \"{}\", which this version does not know; if it changes no ids, remove it", key));
    }
  }
}

void JsonNode::require_off(std::string_view key, std::string_view advice) const {
  std::optional<JsonNode> member = find(key);
  if (!member) return;
  const boost::json::value& value = *member->value_;
  bool is_off = (value.is_bool() && !value.get_bool()) ||
                (value.is_number() && value.to_number<double>() == 0) ||
                (value.is_string() && value.get_string().empty());
  if (!is_off) member->refuse(fmt::format("is {}: {}", member->quoted(), advice));
}

std::string JsonNode::quoted() const {
  constexpr size_t kMostBytes = 60;
  if (value_->is_object()) return "an object";
  if (value_->is_array()) return "an array";
  std::string text = boost::json::serialize(*value_);
  if (text.size() <= kMostBytes) return text;
  size_t end = kMostBytes;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

}  // namespace rerank
