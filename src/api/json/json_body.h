// A request's body as one JSON object: parsed once, within bounds, with complaints that name the field and
// the byte. What the fields mean is not decided here.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <memory>
#include <string_view>

#include "api/json/allowance.h"

namespace rerank::api {

struct JsonBounds {
  std::size_t max_depth = 32;
  std::size_t max_values = 1'000'000;
};

class JsonBody {
 public:
  // Throws ApiError: 400 for no JSON, no object, invalid UTF-8, a lone surrogate, beyond the bounds; what
  // `allowance` throws, which must outlive this. Of a key that comes twice the last value counts; a byte
  // order mark is no part of the text.
  JsonBody(std::string_view text, const JsonBounds& bounds, Allowance& allowance = unlimited());
  ~JsonBody();
  JsonBody(const JsonBody&) = delete;
  JsonBody& operator=(const JsonBody&) = delete;

  // Lives as long as this.
  const boost::json::object& object() const;

 private:
  struct Parsed;
  std::unique_ptr<Parsed> parsed_;
};

}  // namespace rerank::api
