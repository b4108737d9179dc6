// config.json, and the other JSON files of a model, read key by key: what is missing or out of range is
// refused with the file's name, the key and what to do.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "rerank/error.h"

namespace rerank {

class ConfigReader {
 public:
  // `name` is for messages. Throws Error that starts with it unless the text is a JSON object.
  ConfigReader(std::string_view json, std::string name);

  bool contains(std::string_view key) const { return find(key) != nullptr; }
  // nullptr when the key is missing or null.
  const boost::json::value* find(std::string_view key) const;
  // The following throw Error when the key is missing, null, of another type or out of range.
  const boost::json::value& get(std::string_view key) const;
  std::int32_t integer(std::string_view key, std::int64_t min, std::int64_t max) const;
  double positive(std::string_view key) const;
  bool flag(std::string_view key, bool otherwise) const;
  std::string_view text(std::string_view key) const;
  // REQUIRES: the key's value is an object.
  ConfigReader inner(std::string_view key) const;

  [[noreturn]] void refuse(std::string_view key, std::string_view what,
                           ErrorCode code = ErrorCode::kInvalidArgument) const;
  [[noreturn]] void unsupported(std::string_view key, std::string_view what) const {
    refuse(key, what, ErrorCode::kUnsupported);
  }

  const boost::json::object& object() const { return *object_; }
  const std::string& name() const { return name_; }

 private:
  ConfigReader(std::shared_ptr<const boost::json::value> root, const boost::json::object& object,
               std::string name)
      : root_(std::move(root)), object_(&object), name_(std::move(name)) {}

  std::shared_ptr<const boost::json::value> root_;
  const boost::json::object* object_;
  std::string name_;
};

}  // namespace rerank
