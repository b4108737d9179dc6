// A server's JSON as a tree that keeps numbers as they are written, so that a score's bits survive. What the
// fields mean is for reply.h to say.
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
  std::vector<JsonNode> elements;  // of a list, or an object's values
  std::vector<std::string> keys;   // [elements] of an object

  bool is(Kind wanted) const { return kind == wanted; }
  // The member of this name; null where there is none, it is null, or this is no object.
  const JsonNode* find(std::string_view name) const;
  // Its string; empty where it has none of this name.
  std::string_view text_of(std::string_view name) const;
  std::optional<std::int64_t> integer_of(std::string_view name) const;
};

// Throws Error saying at which byte `text` is no JSON, that it is nested deeper than 32 levels, or that it
// has more than `max_values` values. A value of two bytes takes a hundred as a node.
JsonNode parse_json(std::string_view text, std::size_t max_values = 500'000);

// The nearest float32 to what a JSON number says: what was written with enough digits comes back bit by bit.
// Nothing where it is beyond the greatest float.
std::optional<float> parse_float(std::string_view digits);

}  // namespace rerank::client
