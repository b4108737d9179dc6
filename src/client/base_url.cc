#include "client/base_url.h"

#include <array>

#include "http/url.h"
#include "rerank/error.h"

namespace rerank::client {
namespace {

constexpr std::array<std::string_view, 4> kRoutes = {"/rerank", "/reranking", "/ranking", "/score"};
constexpr std::array<std::string_view, 2> kVersions = {"/v1", "/v2"};

// Removes the first of `endings` that `text` ends in, and returns it.
template <typename Endings>
std::string take_ending(std::string& text, const Endings& endings) {
  for (const std::string_view ending : endings) {
    if (text.ends_with(ending)) {
      text.resize(text.size() - ending.size());
      return std::string(ending);
    }
  }
  return {};
}

void trim_slashes(std::string& text) {
  while (text.ends_with('/')) text.pop_back();
}

}  // namespace

BaseUrl parse_base_url(std::string_view url) {
  const Url parts = parse_url(url, "url");
  require(parts.user_info.empty(),
          "url: leave out the name and password before the @; use api_key or headers");
  BaseUrl parsed;
  parsed.host = parts.host;
  parsed.root = url;
  trim_slashes(parsed.root);
  parsed.route = take_ending(parsed.root, kRoutes);
  trim_slashes(parsed.root);
  parsed.version = take_ending(parsed.root, kVersions);
  trim_slashes(parsed.root);
  return parsed;
}

}  // namespace rerank::client
