#include "client/base_url.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "rerank/error.h"

namespace rerank::client {
namespace {

constexpr std::array<std::string_view, 4> kRoutes = {"/rerank", "/reranking", "/ranking", "/score"};
constexpr std::array<std::string_view, 2> kVersions = {"/v1", "/v2"};

[[noreturn]] void refuse(std::string_view url, std::string_view why) {
  throw Error(ErrorCode::kInvalidArgument, fmt::format("url \"{}\": {}", url, why));
}

// Takes the first of `endings` that `text` ends in off it, and returns it.
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

std::string host_of(std::string_view authority) {
  const bool is_bracketed = authority.starts_with('[');
  const std::size_t end = is_bracketed ? authority.find(']') : authority.find(':');
  std::string host(authority.substr(0, is_bracketed && end != authority.npos ? end + 1 : end));
  std::transform(host.begin(), host.end(), host.begin(),
                 [](unsigned char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  return host;
}

}  // namespace

BaseUrl parse_base_url(std::string_view url) {
  if (!url.starts_with("http://") && !url.starts_with("https://")) {
    refuse(url, "begin it with http:// or https://, as in http://localhost:8000");
  }
  const bool has_blank = std::any_of(url.begin(), url.end(), [](unsigned char c) { return c <= 0x20; });
  if (has_blank) refuse(url, "there is a blank or control character in it");
  if (url.find_first_of("?#") != url.npos) refuse(url, "leave out what follows ? or #");
  const std::size_t begin = url.find("//") + 2;
  const std::string_view authority = url.substr(begin, url.find('/', begin) - begin);
  if (authority.empty()) refuse(url, "the host is missing, as in http://localhost:8000");
  if (authority.find('@') != authority.npos) {
    // Not quoted: messages are kept and shown.
    throw Error(ErrorCode::kInvalidArgument,
                "url: leave out the name and password before the @; use api_key or headers");
  }
  BaseUrl parsed;
  parsed.host = host_of(authority);
  parsed.root = url;
  trim_slashes(parsed.root);
  parsed.route = take_ending(parsed.root, kRoutes);
  trim_slashes(parsed.root);
  parsed.version = take_ending(parsed.root, kVersions);
  trim_slashes(parsed.root);
  return parsed;
}

}  // namespace rerank::client
