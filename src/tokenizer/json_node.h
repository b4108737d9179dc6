// A value of a JSON document together with where it stands, so that every complaint names the file and the
// key. Knows nothing about tokenizers.
#pragma once

#include <boost/json.hpp>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>

#include "rerank/error.h"

namespace rerank {

// A view: the document and `file` must outlive it.
class JsonNode {
 public:
  JsonNode(const boost::json::value& value, std::string_view file, std::string path)
      : value_(&value), file_(file), path_(std::move(path)) {}

  // Throws Error{code}: "FILE: KEY what".
  [[noreturn]] void refuse(std::string_view what, ErrorCode code = ErrorCode::kUnsupported) const;

  // The member `key`; nothing if it is absent or null. Throws if this is no object.
  std::optional<JsonNode> find(std::string_view key) const;

  // The member `key`. Throws if it is absent or null.
  JsonNode at(std::string_view key) const;

  JsonNode element(size_t index) const;  // REQUIRES: index < array().size()

  // Each throws if the value is of another kind.
  const boost::json::object& object() const;
  const boost::json::array& array() const;
  std::string_view string() const;
  bool boolean() const;
  int64_t integer() const;

  // The member `key` if it is there, else `otherwise`. Throws if it is of another kind.
  bool boolean_or(std::string_view key, bool otherwise) const;

  // Throws unless every key of this object is one of `known`.
  void allow_only(std::initializer_list<std::string_view> known) const;

  // Throws unless the member `key` is absent, null, false, 0 or empty; `advice` says what it would do.
  void require_off(std::string_view key, std::string_view advice) const;

  bool is_string() const { return value_->is_string(); }
  bool is_array() const { return value_->is_array(); }

  // As in the document, shortened to fit into a message.
  std::string quoted() const;

 private:
  const boost::json::value* value_;
  std::string_view file_;
  std::string path_;
};

}  // namespace rerank
