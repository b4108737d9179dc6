// How this program reads JSON files: a value with its path, so that every error names the file and the key.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "rerank/error.h"
#include "text/strict_json.h"

namespace rerank {

// A view: the document, `file` and `advice` must outlive it.
class JsonView {
 public:
  // `advice` says what to do about a wrong file.
  JsonView(const boost::json::value& value, std::string_view file, std::string_view advice = {})
      : value_(&value), file_(file), advice_(advice) {}

  // Throws Error{code}: "FILE: KEY what; advice". There is no advice but for kInvalidArgument.
  [[noreturn]] void refuse(std::string_view what, ErrorCode code = ErrorCode::kInvalidArgument) const;
  [[noreturn]] void unsupported(std::string_view what) const { refuse(what, ErrorCode::kUnsupported); }

  // "FILE: KEY", the beginning of messages about what the value says.
  std::string name() const;

  // The member `key`; nullopt if it is absent or null. Throws if this is not an object.
  std::optional<JsonView> find(std::string_view key) const;

  // The member `key`. Throws Error that lists the existing keys, where they are few, if it is absent or null.
  JsonView at(std::string_view key) const;

  // REQUIRES: `member` is one of object().
  JsonView member(const boost::json::key_value_pair& member) const;
  JsonView element(std::size_t index) const;  // REQUIRES: index < array().size()

  // Each throws if the value has another type.
  const boost::json::object& object() const;
  const boost::json::array& array() const;
  std::string_view string() const;
  bool boolean() const;
  std::int64_t integer() const;
  std::int32_t integer(std::int64_t min, std::int64_t max) const;  // in [min, max], both of 32 bits
  double number() const;                                           // finite
  double positive() const;                                         // above 0

  // The member `key`, or `otherwise` if it is absent or null. Throws if it has another type.
  bool boolean_or(std::string_view key, bool otherwise) const;
  std::string_view string_or(std::string_view key, std::string_view otherwise) const;
  std::int32_t integer_or(std::string_view key, std::int32_t otherwise, std::int64_t min,
                          std::int64_t max) const;

  // Throws unless every key of this object is one of `known`; `advice` is for one that is not near to any.
  void allow_only(std::initializer_list<std::string_view> known,
                  std::string_view advice = "remove it if it changes no score") const;

  // Throws unless the member `key` is absent, null, false, 0 or empty; `advice` says what it would do.
  void require_off(std::string_view key, std::string_view advice) const;

  bool is_string() const { return value_->is_string(); }
  bool is_array() const { return value_->is_array(); }
  bool is_object() const { return value_->is_object(); }

  // The JSON of the value, shortened for messages.
  std::string quoted() const;

 private:
  JsonView inner(const boost::json::value& value, std::string path) const;
  std::string listed_keys() const;

  const boost::json::value* value_;
  std::string_view file_;
  std::string_view advice_;
  std::string path_;
};

struct ParsedJson {
  std::string file;
  boost::json::value value;
};

// The view of a whole file, with all that it views but the advice of the rules.
class JsonFile : private ParsedJson, public JsonView {
 public:
  // Throws Error, see parse_strict_json; `name` is for messages.
  JsonFile(std::string_view text, std::string_view name, const JsonRules& rules = {})
      : ParsedJson{std::string(name), parse_strict_json(text, name, rules)},
        JsonView(ParsedJson::value, ParsedJson::file, rules.advice) {}
  JsonFile(const JsonFile&) = delete;
  JsonFile& operator=(const JsonFile&) = delete;
};

}  // namespace rerank
