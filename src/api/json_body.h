// A request's body as one JSON object: parsed once, within bounds, with complaints that name the field and
// the byte. What the fields mean is not decided here.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <memory>
#include <string_view>

namespace rerank::api {

struct JsonBounds {
  std::size_t max_depth = 32;
  std::size_t max_values = 1'000'000;
};

class JsonBody {
 public:
  // Throws ApiError (400): no JSON, no object, invalid UTF-8, a lone surrogate, beyond the bounds. Of a key
  // that comes twice the last value counts.
  JsonBody(std::string_view text, const JsonBounds& bounds);
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
