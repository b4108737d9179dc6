#include "text/json_view.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "base/nearest_name.h"
#include "base/shown_text.h"

namespace rerank {

void JsonView::refuse(std::string_view what, ErrorCode code) const {
  constexpr std::size_t kMostBytes = 800;
  const bool advises = code == ErrorCode::kInvalidArgument && !advice_.empty();
  throw Error(
      code, fmt::format("{}: {}{}{}", file_,
                        shown_text(fmt::format("{}{}{}", path_, path_.empty() ? "" : " ", what), kMostBytes),
                        advises ? "; " : "", advises ? advice_ : ""));
}

std::string JsonView::name() const {
  return fmt::format("{}{}{}", file_, path_.empty() ? "" : ": ", shown_text(path_));
}

JsonView JsonView::inner(const boost::json::value& value, std::string path) const {
  JsonView view(value, file_, advice_);
  view.path_ = std::move(path);
  return view;
}

std::optional<JsonView> JsonView::find(std::string_view key) const {
  const boost::json::key_value_pair* const found = object().find(key);
  if (found == object().end() || found->value().is_null()) return std::nullopt;
  return member(*found);
}

JsonView JsonView::at(std::string_view key) const {
  std::optional<JsonView> member = find(key);
  if (!member) refuse(fmt::format("lacks the key \"{}\"{}", key, listed_keys()));
  return *member;
}

std::string JsonView::listed_keys() const {
  constexpr std::size_t kMostKeys = 10;
  std::string listed;
  if (object().size() > kMostKeys) return listed;
  for (const auto& member : object()) {
    listed += fmt::format("{}\"{}\"", listed.empty() ? "; it has " : ", ", std::string_view(member.key()));
  }
  return listed;
}

JsonView JsonView::member(const boost::json::key_value_pair& member) const {
  const std::string_view key = member.key();
  return inner(member.value(), path_.empty() ? std::string(key) : fmt::format("{}.{}", path_, key));
}

JsonView JsonView::element(std::size_t index) const {
  return inner(array()[index], fmt::format("{}[{}]", path_, index));
}

const boost::json::object& JsonView::object() const {
  if (!value_->is_object()) refuse("should be an object, not " + quoted());
  return value_->get_object();
}

const boost::json::array& JsonView::array() const {
  if (!value_->is_array()) refuse("should be a list, not " + quoted());
  return value_->get_array();
}

std::string_view JsonView::string() const {
  if (!value_->is_string()) refuse("should be a string, not " + quoted());
  return value_->get_string();
}

bool JsonView::boolean() const {
  if (!value_->is_bool()) refuse("should be true or false, not " + quoted());
  return value_->get_bool();
}

std::int64_t JsonView::integer() const {
  if (!value_->is_int64()) refuse("should be an integer, not " + quoted());
  return value_->get_int64();
}

std::int32_t JsonView::integer(std::int64_t min, std::int64_t max) const {
  if (!value_->is_int64() || value_->get_int64() < min || value_->get_int64() > max) {
    refuse(fmt::format("should be a whole number from {} to {}, not {}", min, max, quoted()));
  }
  return static_cast<std::int32_t>(value_->get_int64());
}

double JsonView::number() const {
  const double number = value_->is_number() ? value_->to_number<double>() : NAN;
  if (!std::isfinite(number)) refuse("should be a number, not " + quoted());
  return number;
}

double JsonView::positive() const {
  if (!value_->is_number() || !(number() > 0)) refuse("should be a number above 0, not " + quoted());
  return number();
}

std::string_view JsonView::string_or(std::string_view key, std::string_view otherwise) const {
  const std::optional<JsonView> member = find(key);
  return member ? member->string() : otherwise;
}

bool JsonView::boolean_or(std::string_view key, bool otherwise) const {
  std::optional<JsonView> member = find(key);
  return member ? member->boolean() : otherwise;
}

std::int32_t JsonView::integer_or(std::string_view key, std::int32_t otherwise, std::int64_t min,
                                  std::int64_t max) const {
  const std::optional<JsonView> member = find(key);
  return member ? member->integer(min, max) : otherwise;
}

void JsonView::allow_only(std::initializer_list<std::string_view> known, std::string_view advice) const {
  for (const auto& member : object()) {
    const std::string_view key = member.key();
    if (std::find(known.begin(), known.end(), key) != known.end()) continue;
    const std::string meant = suggestion(key, {known.begin(), known.end()});
    unsupported(fmt::format("has the key \"{}\", which this version does not know{}", shown_text(key),
                            meant.empty() ? fmt::format("; {}", advice) : meant));
  }
}

void JsonView::require_off(std::string_view key, std::string_view advice) const {
  std::optional<JsonView> member = find(key);
  if (!member) return;
  const boost::json::value& value = *member->value_;
  bool is_off = (value.is_bool() && !value.get_bool()) ||
                (value.is_number() && value.to_number<double>() == 0) ||
                (value.is_string() && value.get_string().empty());
  if (!is_off) member->unsupported(fmt::format("is {}: {}", member->quoted(), advice));
}

std::string JsonView::quoted() const {
  constexpr std::size_t kMostBytes = 60;
  if (value_->is_structured()) return std::string(kind_of(*value_));
  std::string text = boost::json::serialize(*value_);
  if (text.size() <= kMostBytes) return text;
  std::size_t end = kMostBytes;
  while ((static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return text.substr(0, end) + "...";
}

}  // namespace rerank
