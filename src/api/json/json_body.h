// A request's body, parsed as one JSON object within bounds; errors name the field and the byte. It has its
// own handler because every block of memory is charged. What the fields mean is not decided here.
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
  // Throws ApiError (400) for invalid JSON, anything but an object, invalid UTF-8, a lone surrogate and
  // exceeded bounds; and whatever `allowance`, which must outlive this, throws. If a key occurs twice, the
  // last value counts. A byte order mark is ignored.
  JsonBody(std::string_view text, const JsonBounds& bounds, Allowance& allowance = unlimited());
  ~JsonBody();
  JsonBody(const JsonBody&) = delete;
  JsonBody& operator=(const JsonBody&) = delete;

  // Valid as long as this.
  const boost::json::object& object() const;

 private:
  struct Parsed;
  std::unique_ptr<Parsed> parsed_;
};

}  // namespace rerank::api
