#include "server/service/api_keys.h"

#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/ascii.h"
#include "rerank/error.h"
#include "server/http/http_message.h"

namespace rerank {
namespace {

std::string_view without_spaces(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

}  // namespace

ApiKeys::ApiKeys(const std::vector<std::string>& keys) {
  for (const std::string& key : keys) {
    require(!without_spaces(key).empty(), "an API key is empty; set a key or remove the option");
    digests_.push_back(digest(without_spaces(key)));
  }
}

bool ApiKeys::admits(std::string_view authorization) const {
  if (digests_.empty()) return true;
  constexpr std::string_view kScheme = "bearer ";
  const std::string_view given = without_spaces(authorization);
  if (!equal_in_any_case(given.substr(0, kScheme.size()), kScheme)) return false;
  // Digests have equal length, and all of them are compared, whatever the first results.
  const Digest wanted = digest(without_spaces(given.substr(kScheme.size())));
  int found = 0;
  for (const Digest& known : digests_) {
    found |= static_cast<int>(CRYPTO_memcmp(known.data(), wanted.data(), known.size()) == 0);
  }
  return found != 0;
}

ApiKeys::Digest ApiKeys::digest(std::string_view text) {
  Digest result{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), result.data());
  return result;
}

}  // namespace rerank
