// The texts of queries and documents, in every form that clients send: a string, {"text": ...}, {"content":
// [...]}, an object of fields, or a list of these.
#pragma once

#include <boost/json/fwd.hpp>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "api/json/allowance.h"

namespace rerank::api {

struct TextRules {
  std::vector<std::string_view> rank_fields;  // of objects; empty: "text", or "content"
  std::size_t max_texts = 0;                  // 0: any number
  Allowance& allowance;                       // charged for the texts
};

// `path` names the value in messages, such as "query". Throws ApiError.
std::string text_of(const boost::json::value& value, std::string_view path, const TextRules& rules);

// One text or a list of texts; an object whose "content" is a list has one text for each part. Throws
// ApiError.
std::vector<std::string> texts_of(const boost::json::value& value, std::string_view path,
                                  const TextRules& rules);

}  // namespace rerank::api
