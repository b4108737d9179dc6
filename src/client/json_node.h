// A server's JSON as a tree that keeps numbers as text, so that scores keep their bits. reply.h interprets
// the fields.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace rerank::client {

struct JsonNode {
  enum class Kind { kNull, kBool, kNumber, kString, kArray, kObject };

  Kind kind = Kind::kNull;
  std::string text;                // a string, a number's digits, "true" or "false"
  std::vector<JsonNode> elements;  // of a list, or the values of an object
  std::vector<std::string> keys;   // [elements] of an object

  bool is(Kind wanted) const { return kind == wanted; }
  // The member with this name; null if it is absent or null, or if this is not an object.
  const JsonNode* find(std::string_view name) const;
  // Its string; empty if it has no string member with this name.
  std::string_view text_of(std::string_view name) const;
  std::optional<std::int64_t> integer_of(std::string_view name) const;
};

// Throws Error with the byte at which `text` is not JSON, or if it is nested deeper than 32 levels or has
// more than `max_values` values: a value of two bytes takes a hundred as a node.
JsonNode parse_json(std::string_view text, std::size_t max_values = 500'000);

// The nearest float32 of a JSON number: a float written with enough digits comes back exactly. Empty if it is
// out of range.
std::optional<float> parse_float(std::string_view digits);

}  // namespace rerank::client
