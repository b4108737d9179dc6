// The accepted API keys, compared in constant time.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace rerank {

// Safe from any thread.
class ApiKeys {
 public:
  // No keys: no authentication. Throws Error for an empty key.
  explicit ApiKeys(const std::vector<std::string>& keys);

  bool empty() const { return digests_.empty(); }
  // `authorization`: the header, "Bearer KEY", with the scheme in any case.
  bool admits(std::string_view authorization) const;

 private:
  using Digest = std::array<unsigned char, 32>;
  static Digest digest(std::string_view text);

  std::vector<Digest> digests_;
};

}  // namespace rerank
