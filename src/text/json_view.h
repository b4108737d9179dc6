// A value of a JSON document with its path, so that every error names the file and the key.
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

namespace rerank {

// A view: the document and `file` must outlive it.
class JsonView {
 public:
  JsonView(const boost::json::value& value, std::string_view file, std::string path = {})
      : value_(&value), file_(file), path_(std::move(path)) {}

  // Throws Error{code}: "FILE: KEY what".
  [[noreturn]] void refuse(std::string_view what, ErrorCode code = ErrorCode::kInvalidArgument) const;
  [[noreturn]] void unsupported(std::string_view what) const { refuse(what, ErrorCode::kUnsupported); }

  // The member `key`; nullopt if it is absent or null. Throws if this is not an object.
  std::optional<JsonView> find(std::string_view key) const;

  // The member `key`. Throws Error that lists the existing keys if it is absent or null.
  JsonView at(std::string_view key) const;

  JsonView element(std::size_t index) const;  // REQUIRES: index < array().size()

  // Each throws if the value has another type.
  const boost::json::object& object() const;
  const boost::json::array& array() const;
  std::string_view string() const;
  bool boolean() const;
  std::int64_t integer() const;
  double number() const;  // finite

  // The member `key`, or `otherwise` if it is absent or null. Throws if it has another type.
  bool boolean_or(std::string_view key, bool otherwise) const;
  std::string_view string_or(std::string_view key, std::string_view otherwise) const;

  // Throws unless every key of this object is one of `known`.
  void allow_only(std::initializer_list<std::string_view> known) const;

  // Throws unless the member `key` is absent, null, false, 0 or empty; `advice` says what it would do.
  void require_off(std::string_view key, std::string_view advice) const;

  bool is_string() const { return value_->is_string(); }
  bool is_array() const { return value_->is_array(); }

  // The JSON of the value, shortened for messages.
  std::string quoted() const;

 private:
  std::string listed_keys() const;

  const boost::json::value* value_;
  std::string_view file_;
  std::string path_;
};

}  // namespace rerank
